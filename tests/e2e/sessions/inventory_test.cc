// What `workmux sandbox list`, `logs`, `stop` and `prune` say and do.

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>

#include "common/base/strings.h"
#include "tests/e2e/sessions/engine.h"
#include "tests/support/catch.h"
#include "tests/support/wait_until.h"

namespace workmux::test {
namespace {

using Catch::Contains;

std::unique_ptr<Program> StartSandbox(const WorkmuxWorld& world, const std::string& script) {
  auto program =
      world.Start({"sandbox", "run", ".", "--", script + "; echo ready; exec sleep 1000"});
  INFO(program->err());
  REQUIRE(program->Prints("ready"));
  return program;
}

nlohmann::json Listed(const WorkmuxWorld& world, std::vector<std::string> more = {}) {
  std::vector<std::string> arguments = {"sandbox", "list", "--json"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return nlohmann::json::parse(world.Must(arguments));
}

TEST_CASE("Sandbox list: what runs is there with its use of the machine", "[inventory]") {
  for (const Engine engine : {Engine::kNamespace, Engine::kDocker, Engine::kPodman}) {
    if (!Have(engine)) continue;
    INFO(NameOf(engine));
    const WorkmuxWorld world(ConfigFor(engine));
    CHECK(Listed(world).empty());
    const auto sandbox = StartSandbox(world, "true");
    // The program can be faster than the engine's own note that it runs.
    nlohmann::json list;
    CHECK(WaitUntil([&] {
      list = Listed(world, {"--stats"});
      return list.size() == 1 && list[0]["state"] == "running";
    }));
    REQUIRE(list.size() == 1);
    CHECK(list[0]["backend"] == NameOf(engine));
    CHECK(list[0]["leased"] == true);
    CHECK(list[0]["worktree"] == world.repo().string());
    // A rootless container on cgroup v1 has no group of its own.
    if (engine != Engine::kPodman) {
      CHECK(list[0]["usage"]["processes"] > 0);
      CHECK(list[0]["usage"]["memory_bytes"] > 0);
    }
    const std::string name = list[0]["name"];
    CHECK_THAT(world.Must({"sandbox", "ps"}), Contains(name) && Contains("running"));
    CHECK_THAT(world.Must({"sandbox", "stop", name, "--backend", "container"}), Contains(name));
    CHECK(sandbox->Wait() != 0);
    CHECK(WaitUntil([&] { return Listed(world).empty(); }));
    CHECK(LivingSandboxes(world, engine).empty());
  }
}

TEST_CASE("Sandbox logs: what a container printed, from the end if wanted", "[inventory]") {
  if (!Have(Engine::kDocker)) return;
  const WorkmuxWorld world(ConfigFor(Engine::kDocker));
  const auto sandbox = StartSandbox(world, "echo first; echo second");
  CHECK(world.Must({"sandbox", "logs"}) == "first\nsecond\nready");
  CHECK(world.Must({"sandbox", "logs", "-n", "1"}) == "ready");
  const std::string name = Listed(world)[0]["name"];
  CHECK(world.Must({"sandbox", "logs", name}) == "first\nsecond\nready");
  CHECK_THAT(world.Run({"sandbox", "logs", "wm-none"}).err,
             Contains("wm-none") && Contains("hint"));
}

TEST_CASE("Sandbox list: what another daemon runs is not there", "[inventory]") {
  for (const Engine engine : {Engine::kNamespace, Engine::kDocker}) {
    if (!Have(engine)) continue;
    INFO(NameOf(engine));
    const WorkmuxWorld world(ConfigFor(engine));
    const WorkmuxWorld other(ConfigFor(engine));
    const auto sandbox = StartSandbox(world, "true");
    const auto elsewhere = StartSandbox(other, "true");
    CHECK(Listed(world).size() == 1);
    CHECK(Listed(other).size() == 1);
    world.Must({"sandbox", "stop", "--backend", "all", "--all", "--yes"});
    CHECK_FALSE(elsewhere->Ended());
  }
}

TEST_CASE("Sandbox stop: without a terminal and a name nothing is stopped", "[inventory]") {
  if (!Have(Engine::kNamespace)) return;
  const WorkmuxWorld world(ConfigFor(Engine::kNamespace));
  const auto sandbox = StartSandbox(world, "true");
  CHECK(world.Run({"sandbox", "stop", "--backend", "container"}).exit.code == 2);
  CHECK(world.Run({"sandbox", "stop", "--backend", "container", "--all"}).exit.code == 2);
  CHECK(world.Run({"sandbox", "stop", "--all", "--yes"}).exit.code == 1);
  CHECK(world.Run({"sandbox", "stop", "wm-none", "--backend", "all"}).exit.code == 1);
  CHECK(Listed(world).size() == 1);
  CHECK(world.Run({"sandbox", "stop", "--backend", "all", "--all", "--yes"}).exit.code == 0);
  CHECK(WaitUntil([&] { return Listed(world).empty(); }));
}

TEST_CASE("Sandbox stop: on a terminal one is chosen, and nothing ends without a yes",
          "[inventory]") {
  if (!Have(Engine::kNamespace)) return;
  const WorkmuxWorld world(ConfigFor(Engine::kNamespace));
  const auto first = StartSandbox(world, "true");
  const auto second = StartSandbox(world, "true");
  const auto stop = [&](const std::vector<std::string>& answers) {
    const auto program =
        world.Start({"sandbox", "stop", "--backend", "container"}, Program::Terminal());
    REQUIRE(program->Prints("Which one?"));
    program->Type(answers[0] + "\n");
    if (answers.size() > 1) {
      REQUIRE(program->Prints("Stop wm-"));
      program->Type(answers[1] + "\n");
    }
    return program->Wait();
  };
  CHECK(stop({"3"}) != 0);
  CHECK(stop({"nonsense"}) != 0);
  CHECK(stop({"1", "n"}) != 0);
  CHECK(Listed(world).size() == 2);
  const std::string name = Listed(world)[1]["name"];
  CHECK(stop({name, "y"}) == 0);
  CHECK(WaitUntil([&] { return Listed(world).size() == 1; }));
  CHECK(Listed(world)[0]["name"] != name);
}

// What an image's name takes of the world's.
std::string Slug(const WorkmuxWorld& world) {
  std::string slug = world.area().filename().string();
  std::transform(slug.begin(), slug.end(), slug.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return slug;
}

// An engine's client that knows no images but this test's: on a person's machine
// others may be superseded too.
std::string ShowOnlyOwnImages(const WorkmuxWorld& world) {
  const std::string mark = "wm.test=" + world.area().filename().string();
  world.Install(
      "docker",
      "#!/bin/sh\n[ \"$1 $2\" = 'image ls' ] && shift 2 && set -- image ls --filter label=" + mark +
          " \"$@\"\nexec env PATH=/usr/local/bin:/usr/bin:/bin docker \"$@\"\n");
  return mark;
}

TEST_CASE("Sandbox prune: an orphan that runs is listed and kept, a stopped one goes",
          "[inventory]") {
  if (!Have(Engine::kDocker)) return;
  const WorkmuxWorld world(ConfigFor(Engine::kDocker));
  ShowOnlyOwnImages(world);
  const auto sandbox = StartSandbox(world, "true");
  const std::string name = Listed(world)[0]["name"];
  const std::string instance =
      Docker({"inspect", "--format", "{{index .Config.Labels \"dev.workmux.instance\"}}", name});
  const auto make = [&](const std::string& orphan, const std::string& verb) {
    std::vector<std::string> arguments = {verb};
    if (verb == "run") arguments.emplace_back("--detach");
    arguments.insert(
        arguments.end(),
        {"--name", orphan, "--label", "dev.workmux.instance=" + instance, "--label",
         "dev.workmux.worktree=" + world.repo().string(), TestImage(), "sleep", "1000"});
    Docker(arguments);
  };
  make(name + "-stopped", "create");
  make(name + "-running", "run");
  CHECK(Listed(world).size() == 3);
  CHECK(world.Run({"sandbox", "prune", "--backend", "container"}).exit.code == 2);
  const auto asked =
      world.Start({"sandbox", "prune", "--backend", "container"}, Program::Terminal());
  REQUIRE(asked->Prints("Remove them?"));
  CHECK_THAT(asked->out(), Contains(name + "-stopped") && !Contains(name + "-running"));
  asked->Type("n\n");
  CHECK(asked->Wait() != 0);
  CHECK(Listed(world).size() == 3);
  const std::string pruned = world.Must({"sandbox", "prune", "--backend", "container", "--force"});
  CHECK(pruned == "removed " + name + "-stopped");
  CHECK(Listed(world).size() == 2);
  CHECK_THAT(world.Must({"sandbox", "ps"}), Contains("orphan"));
  world.Must({"sandbox", "stop", name + "-running", "--backend", "container"});
  CHECK(Listed(world).size() == 1);
}

TEST_CASE("Sandbox prune: an image that a newer one replaced goes, the newer one stays",
          "[inventory]") {
  if (!Have(Engine::kDocker)) return;
  const WorkmuxWorld world(ConfigFor(Engine::kDocker));
  const std::string mark = ShowOnlyOwnImages(world);
  const std::string tag = "localhost/" + Slug(world) + ":1";
  const auto build = [&](const std::string& text) {
    const CommandResult built =
        world.RunCommand({"docker", "build", "--tag", tag, "-"},
                         {.cwd = "/",
                          .env = {},
                          .input = "FROM " + TestImage() + "\nENV MARK=" + text + "\nLABEL " +
                                   mark + "\nLABEL dev.workmux.image=" + tag + "\n"});
    REQUIRE(built.exit.ok());
    return Docker({"image", "inspect", "--format", "{{.Id}}", tag}).substr(7, 12);
  };
  const std::string first = build("first");
  const std::string second = build("second");
  const CommandResult refused = world.Run({"sandbox", "prune", "--backend", "all"});
  CHECK(refused.exit.code == 2);
  CHECK_THAT(world.Must({"sandbox", "prune", "--backend", "all", "--force"}),
             Contains("removed image " + first) && !Contains(second));
  CHECK(world.Must({"sandbox", "prune", "--backend", "all"}) == "nothing to remove");
  CHECK(Docker({"image", "inspect", "--format", "{{.Id}}", tag}).substr(7, 12) == second);
  Docker({"rmi", tag});
}

}  // namespace
}  // namespace workmux::test
