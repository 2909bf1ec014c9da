#include <filesystem>

#include "common/base/strings.h"
#include "common/process/posix_command_runner.h"
#include "tests/support/catch.h"
#include "tests/support/registry.h"
#include "tests/support/temp_dir.h"
#include "tests/support/workmux_world.h"

namespace workmux::test {

using Catch::Contains;

namespace {

// The real client, for which the official registry is the test's.
std::string ClientFor(const Registry& registry) {
  const auto docker = FindProgram("docker", CurrentEnv());
  return "#!/bin/bash\n[ \"$1\" != pull ] || echo pull >>\"$HOME/pulls\"\nexec " +
         docker.value().string() + " \"${@//ghcr.io\\/raine\\//" + registry.host() + "/}\"\n";
}

struct OfficialWorld {
  OfficialWorld() : world("agent: claude\npanes:\n  - command: <agent>\n") {
    registry.PushExisting(TestImage(), "workmux-sandbox:claude");
    world.Install("docker", ClientFor(registry));
  }
  ~OfficialWorld() {
    PosixCommandRunner runner;
    (void)runner.Run({.argv = {"docker", "rmi", "--force", image()}, .env = CurrentEnv()}, {});
  }
  std::string image() const { return registry.host() + "/workmux-sandbox:claude"; }
  bool HasImage() const {
    return world.RunCommand({"docker", "image", "inspect", image()}, {}).exit.ok();
  }

  Registry registry;
  WorkmuxWorld world;
};

bool CannotRun() { return !HaveRegistry() || !HaveDocker(); }

}  // namespace

TEST_CASE("sandbox run: the official image comes by itself at the first start") {
  if (CannotRun()) return;
  OfficialWorld w;
  REQUIRE_FALSE(w.HasImage());
  const CommandResult first = w.world.Run({"sandbox", "run", ".", "--", "echo from-inside"});
  INFO(first.err);
  CHECK(first.exit.code == 0);
  CHECK(first.out == "from-inside\n");
  CHECK(w.HasImage());
  CHECK(w.world.Must({"sandbox", "shell", "--", "echo", "again"}) == "again");
}

TEST_CASE("sandbox run: two first starts at once share the pull") {
  if (CannotRun()) return;
  OfficialWorld w;
  const auto one = w.world.Start({"sandbox", "run", ".", "--", "echo one"});
  const auto two = w.world.Start({"sandbox", "run", ".", "--", "echo two"});
  CHECK(one->Wait(std::chrono::seconds(60)) == 0);
  CHECK(two->Wait(std::chrono::seconds(60)) == 0);
  CHECK(one->out() == "one\n");
  CHECK(two->out() == "two\n");
  CHECK(ReadWholeFile(w.world.home() / "pulls") == "pull\n");
}

TEST_CASE("add: the official image is pulled before there is a window") {
  if (CannotRun() || !HaveTmux()) return;
  OfficialWorld w;
  w.world.StartTmux();
  w.world.Must({"add", "-S", "-b", "docs"});
  CHECK(w.HasImage());
  // What cannot be pulled leaves no window and no worktree.
  w.world.SetConfig("agent: gemini\n");
  const CommandResult failed = w.world.Run({"add", "-S", "-b", "other"});
  CHECK(failed.exit.code == 1);
  CHECK_THAT(failed.err, Contains("the registry has no such image"));
  CHECK(w.world.PaneOfWindow("wm-other").empty());
  CHECK(w.world.Run({"path", "other"}).exit.code == 1);
}

}  // namespace workmux::test
