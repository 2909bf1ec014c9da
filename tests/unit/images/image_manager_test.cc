#include "daemon/domain/image_manager.h"

#include <atomic>
#include <thread>

#include "tests/fakes/fake_images.h"
#include "tests/fakes/fake_progress.h"
#include "tests/fakes/manual_executor.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"
#include "tests/support/wait_until.h"

namespace workmux::daemon {
namespace {

constexpr char kOfficial[] = "ghcr.io/raine/workmux-sandbox:claude";
constexpr std::int64_t kDay = 24 * 60 * 60;

struct World {
  // A start, and what it makes the background do.
  std::vector<std::string> Start(const std::string& image = kOfficial) {
    test::FakeProgress seen;
    manager.NoteStart(store, image, seen);
    executor.RunAll();
    return seen.warnings;
  }
  // A start that needs the image.
  absl::Status Use(const std::string& image) {
    return manager.Use(&store, image, [&] { return store.IdOf(image).status(); }, progress, {});
  }

  test::FakeImageStore store;
  test::FakeImageRecords records;
  test::ManualExecutor executor;
  test::FakeProgress progress;
  std::int64_t now = 1000 * kDay;
  ImageManager manager{{.records = records, .executor = executor, .now = [this] { return now; }}};
};

}  // namespace

TEST_CASE("ImageManager: an official image that is missing comes by itself") {
  World w;
  w.store.SetRegistry(kOfficial, "sha256:1");
  REQUIRE_OK(w.Use(kOfficial));
  CHECK(w.store.Has(kOfficial));
  CHECK(w.progress.steps == std::vector<std::string>{"pull"});
}

TEST_CASE("ImageManager: a missing image of the user's own is an error that says where it is") {
  World w;
  w.store.SetRegistry("mine:1", "sha256:1");
  const absl::Status nowhere = w.Use("mine:1");
  CHECK(ReasonOf(nowhere) == "IMAGE_NOT_FOUND");
  w.store.elsewhere = "mine:1";
  const absl::Status other = w.Use("mine:1");
  CHECK(ReasonOf(other) == "IMAGE_NOT_FOUND");
  CHECK(HintOf(other).find("podman has it") != std::string::npos);
  CHECK(w.store.pulls() == 0);
  // A name that only begins like ours is not ours.
  CHECK_FALSE(w.Use("ghcr.io/raine/workmux-sandbox-x:1").ok());
}

TEST_CASE("ImageManager: concurrent pulls of one image are one") {
  World w;
  w.store.SetRegistry(kOfficial, "sha256:1");
  w.store.Hold(true);
  std::atomic<int> succeeded = 0;
  std::vector<std::jthread> callers;
  for (int i = 0; i < 4; ++i) {
    callers.emplace_back([&] {
      test::FakeProgress progress;
      if (w.manager.Pull(w.store, kOfficial, progress, {}).ok() && !progress.steps.empty())
        ++succeeded;
    });
  }
  REQUIRE(test::WaitUntil([&] { return w.store.pulls() == 1; }));
  w.store.Hold(false);
  callers.clear();
  CHECK(succeeded == 4);
  CHECK(w.store.Has(kOfficial));
}

TEST_CASE("ImageManager: who leaves a shared pull does not end it, the last one does") {
  World w;
  w.store.SetRegistry(kOfficial, "sha256:1");
  w.store.Hold(true);
  std::stop_source first;
  std::stop_source second;
  absl::Status of_first;
  absl::Status of_second;
  std::jthread one([&] {
    test::FakeProgress progress;
    of_first = w.manager.Pull(w.store, kOfficial, progress, first.get_token());
  });
  REQUIRE(test::WaitUntil([&] { return w.store.pulls() == 1; }));
  std::atomic<bool> joined = false;
  std::jthread two([&] {
    test::FakeProgress progress;
    joined = true;
    of_second = w.manager.Pull(w.store, kOfficial, progress, second.get_token());
  });
  REQUIRE(test::WaitUntil([&] { return joined.load(); }));
  SECTION("the last one too") {
    first.request_stop();
    one.join();
    CHECK_CODE(of_first, absl::StatusCode::kCancelled);
    second.request_stop();
    two.join();
    CHECK_CODE(of_second, absl::StatusCode::kCancelled);
    CHECK(w.store.stopped_pulls() == w.store.pulls());
    // A later pull starts anew.
    w.store.Hold(false);
    CHECK_OK(w.manager.Pull(w.store, kOfficial, w.progress, {}));
  }
  SECTION("one stays") {
    first.request_stop();
    one.join();
    w.store.Hold(false);
    two.join();
    CHECK_OK(of_second);
  }
}

TEST_CASE("ImageManager: a start after the check says that a newer image exists") {
  World w;
  w.store.SetLocal(kOfficial, "sha256:1");
  w.store.SetRegistry(kOfficial, "sha256:2");
  CHECK(w.Start().empty());
  const std::vector<std::string> warnings = w.Start();
  REQUIRE(warnings.size() == 1);
  CHECK(warnings[0].find("workmux sandbox pull") != std::string::npos);
  CHECK(w.store.pulls() == 0);
  // Pulled by us, or by hand: never stale for ever.
  SECTION("pulled") { REQUIRE_OK(w.manager.Pull(w.store, kOfficial, w.progress, {})); }
  SECTION("pulled behind our back") { w.store.SetLocal(kOfficial, "sha256:2"); }
  CHECK(w.Start().empty());
  CHECK(w.Start().empty());
}

TEST_CASE("ImageManager: the registry is asked once a day and image id") {
  World w;
  w.store.SetLocal(kOfficial, "sha256:1");
  w.store.SetRegistry(kOfficial, "sha256:1");
  w.Start();
  w.Start();
  CHECK(w.store.questions() == 1);
  w.now += kDay - 1;
  w.Start();
  CHECK(w.store.questions() == 1);
  w.now += 1;
  w.Start();
  CHECK(w.store.questions() == 2);
  w.store.SetLocal(kOfficial, "sha256:0");
  w.Start();
  CHECK(w.store.questions() == 3);
  // A clock that goes back asks again rather than never.
  w.now -= 100 * kDay;
  w.Start();
  CHECK(w.store.questions() == 4);
}

TEST_CASE("ImageManager: a registry that does not answer is silent at a start") {
  World w;
  w.store.SetLocal(kOfficial, "sha256:1");
  w.store.SetRegistry(kOfficial, "sha256:2");
  w.store.SetRegistryAnswers(false);
  CHECK(w.Start().empty());
  CHECK(w.Start().empty());
  CHECK(w.store.questions() == 1);
  w.now += kDay;
  w.store.SetRegistryAnswers(true);
  w.Start();
  CHECK(w.Start().size() == 1);
  // What was known to be old stays so when the next check fails.
  w.now += kDay;
  w.store.SetRegistryAnswers(false);
  w.Start();
  CHECK(w.Start().size() == 1);
}

TEST_CASE("ImageManager: pinned images and the user's own are not compared") {
  World w;
  for (const std::string image : {"mine:1", "ghcr.io/raine/workmux-sandbox@sha256:00",
                                  "ghcr.io/raine/workmux-sandbox:claude@sha256:00"}) {
    w.store.SetLocal(image, "sha256:1");
    w.Start(image);
  }
  CHECK(w.store.questions() == 0);
  CHECK(w.store.id_questions() == 0);
}

TEST_CASE("ImageManager: a start with a current image asks the engine nothing on its way") {
  World w;
  w.store.SetLocal(kOfficial, "sha256:1");
  w.store.SetRegistry(kOfficial, "sha256:1");
  w.Start();
  const int before = w.store.id_questions();
  test::FakeProgress progress;
  w.manager.NoteStart(w.store, kOfficial, progress);
  CHECK(w.store.id_questions() == before);
  w.executor.RunAll();
}

TEST_CASE("ImageManager: a build makes the base, then the agent on top of it") {
  World w;
  const ImageBuildRequest request{.image = kOfficial,
                                  .agent = "claude",
                                  .from = "node:22",
                                  .version = "9.9.9",
                                  .use_cache = false};
  REQUIRE_OK(w.manager.Build(w.store, request, w.progress, {}));
  const std::vector<ImageBuild> builds = w.store.builds();
  REQUIRE(builds.size() == 2);
  CHECK(builds[0].tag == "localhost/workmux-sandbox-base");
  CHECK(builds[0].arguments == std::vector<std::string>{"FROM_IMAGE=node:22"});
  CHECK(builds[1].tag == kOfficial);
  CHECK(builds[1].arguments ==
        std::vector<std::string>{"BASE=localhost/workmux-sandbox-base", "VERSION=9.9.9"});
  CHECK_FALSE(builds[1].use_cache);
  CHECK(w.progress.output.size() == 2);
}

TEST_CASE("ImageManager: what cannot be built is refused before anything is") {
  World w;
  CHECK(ReasonOf(w.manager.Build(w.store, {.image = "a:1", .agent = "vibe"}, w.progress, {})) ==
        "AGENT_WITHOUT_IMAGE");
  CHECK(ReasonOf(w.manager.Build(w.store, {.image = "a@sha256:00", .agent = "pi"}, w.progress,
                                 {})) == "IMAGE_PINNED");
  CHECK(ReasonOf(w.manager.Build(w.store, {.image = "--rm", .agent = "pi"}, w.progress, {})) ==
        "IMAGE_INVALID");
  CHECK(ReasonOf(w.manager.Build(w.store, {.image = "a:1", .agent = "pi", .from = "-x"}, w.progress,
                                 {})) == "IMAGE_INVALID");
  CHECK(w.store.builds().empty());
}

TEST_CASE("ImageManager: a guest program becomes a layer of the image it is for") {
  World w;
  test::TempDir dir;
  test::WriteFile(dir / "workmux-guest", "program");
  std::filesystem::create_symlink("workmux-guest", dir / "link");
  REQUIRE_OK(w.manager.InstallGuest(w.store, "a:1", dir / "link", w.progress, {}));
  const std::vector<ImageBuild> builds = w.store.builds();
  REQUIRE(builds.size() == 1);
  CHECK(builds[0].tag == "a:1");
  CHECK(builds[0].recipe == "FROM a:1\nCOPY [\"workmux-guest\", \"/usr/local/bin/workmux\"]\n");
  CHECK(builds[0].context == std::filesystem::canonical(dir.path()));
  CHECK_CODE(w.manager.InstallGuest(w.store, "a:1", dir / "absent", w.progress, {}),
             absl::StatusCode::kNotFound);
  CHECK(ReasonOf(w.manager.InstallGuest(w.store, "a@sha256:00", dir / "link", w.progress, {})) ==
        "IMAGE_PINNED");
}

}  // namespace workmux::daemon
