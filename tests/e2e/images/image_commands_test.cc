#include <unistd.h>

#include <csignal>
#include <filesystem>

#include "tests/support/catch.h"
#include "tests/support/registry.h"
#include "tests/support/temp_dir.h"
#include "tests/support/wait_until.h"
#include "tests/support/workmux_world.h"

namespace workmux::test {

using Catch::Contains;

namespace {

std::string ConfigWithImage(const std::string& image) {
  return "sandbox:\n  enabled: true\n  image: " + image + "\n";
}

// Whether any process of the world has this word among its arguments.
bool AnyoneRuns(const WorkmuxWorld& world, const std::string& word) {
  for (const pid_t pid : world.Processes()) {
    if (CommandLine(pid).find(word) != std::string::npos) return true;
  }
  return false;
}

// A stand-in for the engine's client: fails as Docker does when the disk is full.
constexpr char kFullDisk[] = R"(#!/bin/sh
echo 'Step 1/2 : FROM node'
echo 'failed to register layer: write /usr/bin/node: no space left on device' >&2
exit 1
)";

}  // namespace

TEST_CASE("sandbox pull: says what it pulls and that it is up to date, and nothing else") {
  if (!HaveRegistry() || !HaveDocker()) return;
  Registry registry;
  registry.Push("team/box-claude:1", "first");
  const std::string image = registry.host() + "/team/box-claude:1";
  WorkmuxWorld world(ConfigWithImage(registry.host() + "/team/box-{agent}:1"));
  const std::string expected =
      "Pulling image '" + image + "'...\nImage '" + image + "' is up to date.\n";
  const CommandResult first = world.Run({"sandbox", "pull"});
  INFO(first.err);
  CHECK(first.exit.code == 0);
  CHECK(first.out == expected);
  // Again, and where there is no repository.
  CHECK(world.Run({"sandbox", "pull"}, {.cwd = world.home()}).out == expected);
  registry.Push("team/box-codex:1", "other");
  CHECK_THAT(world.Must({"sandbox", "pull", "--agent", "codex"}), Contains("box-codex:1"));
  CHECK_THAT(world.Must({"sandbox", "pull", "--image", registry.host() + "/team/box-{agent}:1"}),
             Contains("box-claude:1"));
  Docker({"rmi", image, registry.host() + "/team/box-codex:1"});
}

TEST_CASE("sandbox pull: an image that cannot be had is one line with the fix") {
  if (!HaveRegistry() || !HaveDocker()) return;
  Registry registry;
  WorkmuxWorld world(ConfigWithImage(registry.host() + "/team/none:1"));
  const CommandResult result = world.Run({"sandbox", "pull"});
  CHECK(result.exit.code == 1);
  CHECK_THAT(result.err, Contains("the registry has no such image") && Contains("hint: "));
  CHECK_THAT(result.out, !Contains("up to date"));
  CHECK(world.Run({"sandbox", "pull", "--image=--all-tags"}).exit.code == 2);
}

TEST_CASE("sandbox pull: Ctrl-C ends it and the engine's client") {
  if (!HaveDocker()) return;
  const SilentServer silent;
  const std::string image = silent.host() + "/team/box:1";
  WorkmuxWorld world(ConfigWithImage(image));
  const auto pull = world.Start({"sandbox", "pull"}, Program::Terminal());
  REQUIRE(WaitUntil([&] { return silent.WasAsked(); }));
  CHECK(pull->Prints("Pulling image"));
  CHECK(AnyoneRuns(world, image));
  pull->Type("\x03");
  CHECK(pull->Wait() == 130);
  CHECK(WaitUntil([&] { return !AnyoneRuns(world, image); }));
}

TEST_CASE("sandbox run: a missing image of one's own is an error, and nothing is pulled") {
  if (!HaveRegistry() || !HaveDocker()) return;
  Registry registry;
  registry.Push("team/box:1", "first");
  WorkmuxWorld world(ConfigWithImage(registry.host() + "/team/box:1"));
  const CommandResult result = world.Run({"sandbox", "run", ".", "--", "true"});
  CHECK(result.exit.code == 125);
  CHECK_THAT(result.err, Contains("workmux sandbox pull"));
  CHECK_THROWS(Docker({"image", "inspect", registry.host() + "/team/box:1"}));
}

TEST_CASE("sandbox build: an agent without a recipe is refused with the names of the others") {
  WorkmuxWorld world("agent: vibe\n");
  const CommandResult result = world.Run({"sandbox", "build"});
  CHECK(result.exit.code == 2);
  CHECK_THAT(result.err, Contains("claude, codex, gemini, opencode, pi, omp"));
}

TEST_CASE("sandbox build: a full disk is told with what makes room") {
  WorkmuxWorld world;
  world.Install("docker", kFullDisk);
  const CommandResult result = world.Run({"sandbox", "build"});
  CHECK(result.exit.code == 1);
  CHECK_THAT(result.err, Contains("Step 1/2 : FROM node") && Contains("the disk is full") &&
                             Contains("docker system prune"));
}

TEST_CASE("sandbox init-dockerfile: writes one file, and never through a link") {
  WorkmuxWorld world;
  const std::filesystem::path file = world.repo() / "Dockerfile.sandbox";
  CHECK(world.Must({"sandbox", "init-dockerfile"}) == "wrote Dockerfile.sandbox for claude");
  CHECK_THAT(ReadWholeFile(file), Contains("@anthropic-ai/claude-code") && Contains("FROM "));
  const CommandResult again = world.Run({"sandbox", "init-dockerfile", "--agent", "codex"});
  CHECK(again.exit.code == 1);
  CHECK_THAT(again.err, Contains("--force"));
  CHECK_THAT(ReadWholeFile(file), !Contains("@openai/codex"));
  world.Must({"sandbox", "init-dockerfile", "--agent", "codex", "--force"});
  CHECK_THAT(ReadWholeFile(file), Contains("@openai/codex"));

  std::filesystem::remove(file);
  WriteFile(world.home() / "precious", "precious");
  std::filesystem::create_symlink(world.home() / "precious", file);
  CHECK(world.Run({"sandbox", "init-dockerfile"}).exit.code == 1);
  world.Must({"sandbox", "init-dockerfile", "--force"});
  CHECK(ReadWholeFile(world.home() / "precious") == "precious");
  CHECK_FALSE(std::filesystem::is_symlink(file));
  CHECK_THAT(ReadWholeFile(file), Contains("@anthropic-ai/claude-code"));
}

TEST_CASE("sandbox install-dev: the checkout's guest program becomes a layer of the image") {
  if (!HaveDocker()) return;
  const std::string image = "localhost/workmux-test-dev:" + std::to_string(::getpid());
  Docker({"tag", TestImage(), image});
  WorkmuxWorld world(ConfigWithImage(image));
  CHECK(world.Run({"sandbox", "install-dev", "--skip-build"}).exit.code == 1);  // no checkout
  WriteFile(world.repo() / "CMakePresets.json", "{}");
  WriteFile(world.repo() / "guest/main.cc", "");
  const CommandResult unbuilt = world.Run({"sandbox", "install-dev", "--skip-build"});
  CHECK_THAT(unbuilt.err, Contains("there is no such program"));
  const std::filesystem::path program =
      world.repo() / "build/release/lib/workmux/guest/workmux-guest";
  WriteFile(program, "#!/bin/sh\necho from-the-checkout\n");
  std::filesystem::permissions(program, std::filesystem::perms(0755));
  std::filesystem::create_directories(world.repo() / "guest/deeper");
  const CommandResult installed = world.Run({"sandbox", "install-dev", "--skip-build", "--release"},
                                            {.cwd = world.repo() / "guest/deeper"});
  INFO(installed.err);
  CHECK(installed.exit.code == 0);
  CHECK(Docker({"run", "--rm", "--network=none", image, "workmux"}) == "from-the-checkout");

  // Without --skip-build the checkout's own build makes it.
  WriteFile(world.repo() / "CMakePresets.json",
            R"({"version": 3, "configurePresets": [{"name": "dev", "generator": "Ninja"}]})");
  WriteFile(world.repo() / "program", "#!/bin/sh\necho just-built\n");
  WriteFile(world.repo() / "CMakeLists.txt",
            "cmake_minimum_required(VERSION 3.21)\nproject(checkout NONE)\n"
            "add_custom_target(workmux-guest COMMAND install -D ${PROJECT_SOURCE_DIR}/program "
            "lib/workmux/guest/workmux-guest)\n");
  const CommandResult built = world.Run({"sandbox", "install-dev"});
  INFO(built.err);
  CHECK(built.exit.code == 0);
  CHECK(Docker({"run", "--rm", "--network=none", image, "workmux"}) == "just-built");
  WriteFile(world.repo() / "CMakeLists.txt", "no(cmake\n");
  const CommandResult broken = world.Run({"sandbox", "install-dev"});
  CHECK(broken.exit.code == 1);
  CHECK_THAT(broken.err, Contains("workmux: cmake --preset: exit code 1"));
  Docker({"rmi", "--force", image});
}

}  // namespace workmux::test
