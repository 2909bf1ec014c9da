// What a sandbox is given of the host by the configuration, on every engine.

#include <sys/stat.h>
#include <unistd.h>

#include "common/base/strings.h"
#include "tests/e2e/sessions/engine.h"
#include "tests/support/catch.h"

namespace workmux::test {
namespace {

using Catch::Contains;
namespace fs = std::filesystem;

constexpr Engine kAll[] = {Engine::kNamespace, Engine::kDocker, Engine::kPodman};
constexpr Engine kContainers[] = {Engine::kDocker, Engine::kPodman};

// A linked worktree beside the main one, and a script that runs in its sandbox.
struct Stage {
  Stage(Engine engine, const std::string& sandbox) : world(ConfigFor(engine, "") + sandbox) {
    tree = world.area() / "tree";
    world.git().Git({"worktree", "add", "--quiet", "-b", "topic", tree.string()});
  }
  CommandResult Inside(const std::string& script, Env env = {}) const {
    return world.Run({"sandbox", "run", tree.string(), "--", script},
                     {.cwd = tree, .env = std::move(env), .input = {}});
  }
  WorkmuxWorld world;
  fs::path tree;
};

// SandboxConfigFor ends with a line of its own for `container`.
std::string ContainerConfigFor(Engine engine, const std::string& lines) {
  return "sandbox:\n  backend: container\n  image: " + TestImage() +
         "\n  container:\n    runtime: " + NameOf(engine) + "\n" + lines;
}

TEST_CASE("Options: variables are set and passed on, and no others are", "[options]") {
  for (const Engine engine : kAll) {
    if (!Have(engine)) continue;
    INFO(NameOf(engine));
    const Stage stage(engine, "  env: {GREETING: 'a b'}\n  env_passthrough: [PASSED, UNSET_ONE]\n");
    const CommandResult result =
        stage.Inside("echo \"$GREETING|$PASSED|${UNSET_ONE-none}|${KEPT_BACK-none}\"",
                     {{"PASSED", "x;y\nz"}, {"KEPT_BACK", "secret"}});
    CHECK(result.out == "a b|x;y\nz|none|none\n");
  }
}

TEST_CASE("Options: extra mounts are read-only unless they say otherwise", "[options]") {
  for (const Engine engine : kAll) {
    if (!Have(engine)) continue;
    INFO(NameOf(engine));
    const Stage stage(engine,
                      "  extra_mounts:\n    - ~/notes\n"
                      "    - {host_path: ~/inbox, guest_path: /mnt/inbox, writable: true}\n");
    const fs::path notes = stage.world.home() / "notes";
    WriteFile(notes / "a", "read me\n");
    fs::create_directories(stage.world.home() / "inbox");
    const CommandResult result =
        stage.Inside("cat '" + notes.string() + "/a'; echo x > '" + notes.string() +
                     "/b' || echo refused; echo mail > /mnt/inbox/new");
    INFO(result.err);
    CHECK(result.out == "read me\nrefused\n");
    CHECK_FALSE(fs::exists(notes / "b"));
    CHECK(ReadWholeFile(stage.world.home() / "inbox/new") == "mail\n");
  }
}

TEST_CASE("Options: a mount that gives the host away stops the start", "[options]") {
  const Stage stage(Engine::kNamespace, "  extra_mounts: ['~']\n");
  const CommandResult refused = stage.Inside("true");
  CHECK(refused.exit.code == 125);
  CHECK_THAT(refused.err, Contains("extra_mounts") && Contains("home directory"));
}

TEST_CASE("Options: an excluded file reads as empty in both worktrees, and through links",
          "[options]") {
  for (const Engine engine : kAll) {
    if (!Have(engine)) continue;
    INFO(NameOf(engine));
    const std::string excluded = "    excluded_files: [.env, linked, absent]\n";
    Stage stage(engine, "");
    stage.world.SetConfig(engine == Engine::kNamespace
                              ? "sandbox:\n  backend: namespace\n  container:\n" + excluded
                              : ContainerConfigFor(engine, excluded));
    WriteFile(stage.world.repo() / ".env", "canary\n");
    WriteFile(stage.world.repo() / "hidden", "canary\n");
    WriteFile(stage.world.repo() / "plain", "seen\n");
    WriteFile(stage.tree / ".env", "canary\n");
    fs::create_symlink(stage.world.repo() / "hidden", stage.tree / "linked");
    const std::string repo = stage.world.repo().string();
    const CommandResult result = stage.Inside(
        "cat .env linked '" + repo + "/.env' '" + repo + "/hidden' '" + repo +
        "/plain'; "
        "mv .env x && echo moved; rm -f .env && echo removed; ln .env y && echo named; "
        "grep -rs canary . '" +
        repo + "'; true");
    INFO(result.err);
    CHECK(result.out == "seen\n");
    CHECK_THAT(result.err, Contains("absent: does not exist"));
    CHECK(ReadWholeFile(stage.tree / ".env") == "canary\n");
    // Control: without the key it is read.
    stage.world.SetConfig(ConfigFor(engine));
    CHECK_THAT(stage.Inside("cat .env linked").out, Contains("canary\ncanary\n"));
  }
}

TEST_CASE("Options: a tracked file that is excluded is warned about", "[options]") {
  if (!Have(Engine::kNamespace)) return;
  Stage stage(Engine::kNamespace, "");
  stage.world.SetConfig(
      "sandbox:\n  backend: namespace\n  container: {excluded_files: [README]}\n");
  WriteFile(stage.tree / "README", "text\n");
  CHECK(stage.Inside("true").err.find("tracked") == std::string::npos);
  stage.world.RunCommand({"git", "add", "README"}, {.cwd = stage.tree, .env = {}, .input = {}});
  CHECK_THAT(stage.Inside("true").err, Contains("README: is tracked by git"));
}

TEST_CASE("Options: the main worktree is there as the configuration says", "[options]") {
  for (const Engine engine : kAll) {
    if (!Have(engine)) continue;
    INFO(NameOf(engine));
    const auto look = [&](const std::string& access) {
      const Stage stage(engine, "  main_worktree: " + access + "\n");
      WriteFile(stage.world.repo() / "shared", "text\n");
      const std::string file = "'" + stage.world.repo().string() + "/shared'";
      // Git works whatever is mounted.
      return stage
          .Inside("git status >/dev/null && echo git; test -r " + file +
                  " && echo read; echo x > " + file + " && echo written; true")
          .out;
    };
    CHECK(look("rw") == "git\nread\nwritten\n");
    CHECK(look("ro") == "git\nread\n");
    // What is written there then lies in the sandbox alone, if it can be at all.
    CHECK_THAT(look("none"), Contains("git\n") && !Contains("read"));
  }
}

TEST_CASE("Options: /tmp has the size that was configured", "[options]") {
  for (const Engine engine : kContainers) {
    if (!Have(engine)) continue;
    INFO(NameOf(engine));
    Stage stage(engine, "");
    const std::string fill = "head -c 3000000 /dev/zero >/tmp/fill && echo all; rm -f /tmp/fill";
    stage.world.SetConfig(ContainerConfigFor(engine, "    tmpfs_size: 1m\n"));
    CHECK(stage.Inside(fill).out.empty());
    stage.world.SetConfig(ContainerConfigFor(engine, "    tmpfs_size: 8m\n"));
    CHECK(stage.Inside(fill).out == "all\n");
  }
}

TEST_CASE("Options: a device and a group are given, and only those", "[options]") {
  if (!Have(Engine::kDocker)) return;
  Stage stage(Engine::kDocker, "");
  const std::string look = "ls /dev/wm-full; id -G; head -c 1 /dev/wm-full | od -An -c";
  stage.world.SetConfig(ContainerConfigFor(Engine::kDocker,
                                           "    devices: ['/dev/full:/dev/wm-full:r']\n"
                                           "    group_add: [4711]\n"));
  const CommandResult given = stage.Inside(look + "; echo x > /dev/wm-full");
  INFO(given.err);
  CHECK_THAT(given.out, Contains("/dev/wm-full\n") && Contains(" 4711") && Contains("\\0"));
  stage.world.SetConfig(ConfigFor(Engine::kDocker));
  CHECK_THAT(stage.Inside(look).out, !Contains("wm-full") && !Contains("4711"));
}

TEST_CASE("Options: what weakens a sandbox is said at its start", "[options]") {
  if (!Have(Engine::kDocker)) return;
  Stage stage(Engine::kDocker, "");
  stage.world.SetConfig(ContainerConfigFor(Engine::kDocker, "    cap_add: [NET_RAW]\n"));
  const CommandResult result = stage.Inside("grep CapBnd /proc/self/status");
  CHECK_THAT(result.err, Contains("container.cap_add: NET_RAW weakens"));
  CHECK_THAT(result.out, Contains("0000000000002000"));
  stage.world.SetConfig(ConfigFor(Engine::kDocker));
  CHECK_THAT(stage.Inside("true").err, !Contains("weakens"));
}

TEST_CASE("Options: an agent is not added where a runtime cannot do what is asked", "[options]") {
  if (!Have(Engine::kDocker)) return;
  Stage stage(Engine::kDocker, "");
  stage.world.StartTmux();
  stage.world.SetConfig(ContainerConfigFor(Engine::kDocker, "    group_add: [keep-groups]\n"));
  const CommandResult refused = stage.world.Run({"add", "-S", "-b", "other"});
  CHECK(refused.exit.code == 1);
  CHECK_THAT(refused.err, Contains("group_add") && Contains("hint: "));
  CHECK(stage.world.git().Git({"branch", "--list", "other"}).empty());
}

TEST_CASE("Options: a project cannot widen its own sandbox", "[options]") {
  if (!Have(Engine::kNamespace)) return;
  const Stage stage(Engine::kNamespace, "");
  WriteFile(stage.tree / ".workmux.yaml",
            "sandbox:\n  env: {A: b}\n  extra_mounts: [/opt]\n  main_worktree: ro\n"
            "  container: {excluded_files: [x], cap_add: [NET_RAW], devices: [/dev/kvm]}\n");
  const CommandResult result = stage.Inside("echo \"${A-none}\"");
  CHECK(result.out == "none\n");
  for (const char* key : {"sandbox.env", "sandbox.extra_mounts", "sandbox.main_worktree",
                          "excluded_files", "cap_add", "devices"}) {
    INFO(key);
    CHECK_THAT(result.err, Contains(key) && Contains("global file"));
  }
}

}  // namespace
}  // namespace workmux::test
