#include "daemon/adapters/container/engine_images.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <thread>

#include "common/base/strings.h"
#include "tests/integration/images/engines.h"
#include "tests/support/wait_until.h"

namespace workmux::daemon {
namespace {

using test::EngineWorld;

// Whether a process with this word among its arguments lives.
bool AnyoneRuns(const std::string& word) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", error)) {
    std::ifstream file(entry.path() / "cmdline");
    std::string text((std::istreambuf_iterator<char>(file)), {});
    for (const std::string& argument : Split(text, '\0')) {
      if (argument == word) return true;
    }
  }
  return false;
}

TEST_CASE("EngineImages: an image is pulled, current, and stale after a push") {
  for (const std::string& engine : test::Engines()) {
    for (const bool index : {false, true}) {
      INFO(engine << (index ? ", an index" : ", a single manifest"));
      EngineWorld w(engine);
      const std::string image = w.Image("team/box:1");
      const auto push = [&](const std::string& content) {
        index ? w.registry.PushIndex("team/box:1", content)
              : w.registry.Push("team/box:1", content);
      };
      push("first");
      CHECK(ReasonOf(w.images.IdOf(image).status()) == "IMAGE_NOT_FOUND");
      REQUIRE_OK(w.images.Pull(image, w.progress, {}));
      CHECK(w.progress.steps.front() == "pull");
      const std::string first = test::Must(w.images.IdOf(image));
      CHECK(test::Must(w.images.AskRegistry(image, {})) == Freshness::kCurrent);
      push("second");
      CHECK(test::Must(w.images.AskRegistry(image, {})) == Freshness::kStale);
      REQUIRE_OK(w.images.Pull(image, w.progress, {}));
      CHECK(test::Must(w.images.IdOf(image)) != first);
      CHECK(test::Must(w.images.AskRegistry(image, {})) == Freshness::kCurrent);
      w.Forget(image);
      w.Forget(first);
    }
  }
}

TEST_CASE(
    "EngineImages: only what a newer image of ours replaced, and nobody uses, is superseded") {
  for (const std::string& engine : test::Engines()) {
    INFO(engine);
    EngineWorld w(engine);
    const std::string tag = "localhost/wm-superseded-" + std::to_string(::getpid()) + ":1";
    const auto run = [&](std::vector<std::string> words) {
      words.insert(words.begin(), engine);
      return test::Must(w.runner.Run({.argv = words, .env = CurrentEnv()}, {}));
    };
    const auto build = [&](const std::string& mark) {
      REQUIRE_OK(
          w.images.Build({.tag = tag,
                          .recipe = "FROM " + test::TestImage() + "\nENV MARK=" + mark + "\n",
                          .arguments = {}},
                         w.progress, {}));
      return test::Must(w.images.IdOf(tag));
    };
    const auto superseded = [&](const std::string& id, const std::string& repository = "none") {
      const auto images = test::Must(w.images.Superseded(repository));
      return std::any_of(images.begin(), images.end(),
                         [&](const SupersededImage& image) { return image.id == id; });
    };
    const std::string first = build("first");
    CHECK_FALSE(superseded(first));
    const std::string box = "wm-user-" + std::to_string(::getpid());
    REQUIRE(run({"create", "--name", box, tag, "true"}).exit.ok());
    const std::string second = build("second");
    CHECK_FALSE(superseded(first));  // a container uses it
    CHECK_FALSE(w.images.Remove(first).ok());
    REQUIRE(run({"rm", "--force", box}).exit.ok());
    CHECK(superseded(first));
    CHECK_FALSE(superseded(second));

    // The user's own, without our label, stays whatever became of its name.
    Command own{.argv = {engine, "build", "--tag", tag, "-"}, .env = CurrentEnv()};
    own.stdin_data = "FROM " + test::TestImage() + "\nENV MARK=own\n";
    REQUIRE(test::Must(w.runner.Run(own, {})).exit.ok());
    const std::string user = test::Must(w.images.IdOf(tag));
    const std::string third = build("third");
    CHECK(superseded(second));
    CHECK_FALSE(superseded(user));
    // Nor one that was built on ours and has our label from there.
    own.stdin_data = "FROM " + third + "\nENV MARK=derived\n";
    REQUIRE(test::Must(w.runner.Run(own, {})).exit.ok());
    const std::string derived = test::Must(w.images.IdOf(tag));
    REQUIRE_THAT(run({"image", "inspect", tag}).out, Catch::Contains("dev.workmux.image"));
    const std::string fourth = build("fourth");
    CHECK_FALSE(superseded(derived));
    CHECK_FALSE(superseded(fourth));
    w.Forget(derived);
    for (const std::string& id : {first, second}) CHECK_OK(w.images.Remove(id));
    CHECK_FALSE(superseded(first));
    w.Forget(tag);
    w.Forget(user);
    w.Forget(third);
  }
}

TEST_CASE("EngineImages: what was pulled from our repository is superseded by a newer pull") {
  for (const std::string& engine : test::Engines()) {
    // Podman forgets where an image without a name came from.
    if (engine != "docker") continue;
    EngineWorld w(engine);
    const std::string image = w.Image("team/ours:1");
    w.registry.Push("team/ours:1", "first");
    REQUIRE_OK(w.images.Pull(image, w.progress, {}));
    const std::string first = test::Must(w.images.IdOf(image));
    w.registry.Push("team/ours:1", "second");
    REQUIRE_OK(w.images.Pull(image, w.progress, {}));
    const auto found = test::Must(w.images.Superseded(w.Image("team/ours")));
    REQUIRE(found.size() == 1);
    CHECK(found[0].id == first);
    CHECK(test::Must(w.images.Superseded(w.Image("team/other"))).empty());
    CHECK_OK(w.images.Remove(first));
    w.Forget(image);
  }
}

TEST_CASE("EngineImages: an image pinned by its digest is pulled as that content") {
  for (const std::string& engine : test::Engines()) {
    INFO(engine);
    EngineWorld w(engine);
    const std::string image = w.Image("team/pin:1");
    w.registry.Push("team/pin:1", "first");
    REQUIRE_OK(w.images.Pull(image, w.progress, {}));
    const std::string first = test::Must(w.images.IdOf(image));
    const auto inspected = w.runner.Run(
        {.argv = {engine, "image", "inspect", "--format", "{{index .RepoDigests 0}}", image},
         .env = CurrentEnv()},
        {});
    const std::string pinned(Trim(test::Must(inspected).out));
    REQUIRE(pinned.find("@sha256:") != std::string::npos);
    w.registry.Push("team/pin:1", "second");
    w.Forget(image);
    REQUIRE_OK(w.images.Pull(pinned, w.progress, {}));
    CHECK(test::Must(w.images.IdOf(pinned)) == first);
    w.Forget(pinned);
  }
}

TEST_CASE("EngineImages: every way a pull fails has its own reason and a fix") {
  for (const std::string& engine : test::Engines()) {
    INFO(engine);
    EngineWorld w(engine);
    w.registry.Push("team/box:1", "first");
    const auto reason = [&](const std::string& image) {
      const absl::Status status = w.images.Pull(image, w.progress, {});
      UNSCOPED_INFO(status.ToString());
      CHECK_FALSE(HintOf(status).empty());
      return ReasonOf(status);
    };
    CHECK(reason(w.Image("team/box:2")) == "IMAGE_UNKNOWN");
    CHECK(reason(w.Image("team/none:1")) == "IMAGE_UNKNOWN");
    CHECK(reason("127.0.0.1:1/team/box:1") == "REGISTRY_UNREACHABLE");
    CHECK(reason("registry.invalid/team/box:1") == "REGISTRY_UNREACHABLE");
    CHECK(reason(w.Image("team/BOX:1")) == "IMAGE_INVALID");
  }
}

TEST_CASE("EngineImages: a registry that says nothing is given up") {
  for (const std::string& engine : test::Engines()) {
    INFO(engine);
    EngineWorld w(engine, std::chrono::seconds(2));
    const test::SilentServer silent;
    const std::string image = silent.host() + "/team/box:1";
    const auto begin = std::chrono::steady_clock::now();
    const absl::Status status = w.images.Pull(image, w.progress, {});
    CHECK(ReasonOf(status) == "REGISTRY_STALLED");
    CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(10));
    CHECK(silent.WasAsked());
    CHECK_FALSE(AnyoneRuns(image));
  }
}

TEST_CASE("EngineImages: an interrupted pull leaves no client behind") {
  for (const std::string& engine : test::Engines()) {
    INFO(engine);
    EngineWorld w(engine);
    const test::SilentServer silent;
    const std::string image = silent.host() + "/team/box:1";
    std::stop_source stop;
    std::jthread interrupter([&] {
      test::WaitUntil([&] { return silent.WasAsked(); });
      stop.request_stop();
    });
    CHECK_CODE(w.images.Pull(image, w.progress, stop.get_token()), absl::StatusCode::kCancelled);
    interrupter.join();
    CHECK(silent.WasAsked());
    CHECK_FALSE(AnyoneRuns(image));
  }
}

TEST_CASE("EngineImages: an image that only the other engine has is found there") {
  if (test::Engines().size() < 2) {
    std::cout << "SKIPPED: two engines are needed\n";
    return;
  }
  EngineWorld w("docker");
  EngineImages podman(w.runner, test::Must(RuntimeTraitsFor("podman")),
                      EngineWorld::Environment(w.registry));
  const std::string image = w.Image("team/only:1");
  w.registry.Push("team/only:1", "x");
  CHECK(w.images.EngineThatHas(image).empty());
  REQUIRE_OK(podman.Pull(image, w.progress, {}));
  CHECK(w.images.EngineThatHas(image) == "podman");
  CHECK(podman.EngineThatHas(image).empty());
  (void)w.runner.Run({.argv = {"podman", "rmi", "--force", image}, .env = CurrentEnv()}, {});
}

}  // namespace
}  // namespace workmux::daemon
