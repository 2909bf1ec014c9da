#include "tests/attacks/guest/guest_world.h"
#include "tests/support/wait_until.h"

namespace workmux::test {
namespace {

namespace fs = std::filesystem;
constexpr std::chrono::milliseconds kQuiet{1500};

// Formats of a user who expands what is found a second time.
constexpr char kUserFormat[] =
    "#{E:window_name} #{E:pane_title} #{E:@workmux_title} #{E:@workmux_status} #{E:session_name} "
    "#{T:window-status-format} #{T:window-status-current-format} #{E:pane_current_path}";

struct NameWorld : GuestWorld {
  NameWorld() {
    StartTmux(
        "set -g status on\nset -g status-interval 1\nset -g allow-rename off\nset -g "
        "automatic-rename off");
  }
  fs::path marker(const char* name) const { return area() / ("marker." + std::string(name)); }
  // Names a program that tmux runs wherever it expands the name as a format.
  std::string Payload(const char* name) const {
    return "#(touch${IFS}" + marker(name).string() + ")";
  }
  // What a user's own formats and status line do all the time.
  void ShowEverything() {
    for (int i = 0; i < 3; ++i) {
      TryTmux({"list-windows", "-a", "-F", kUserFormat});
      TryTmux({"list-panes", "-a", "-F", kUserFormat});
      TryTmux({"display-message", "-p", "-t", "main:", kUserFormat});
    }
  }
  bool Fires(const fs::path& at) {
    return WaitUntil(
        [&] {
          ShowEverything();
          return fs::exists(at);
        },
        kQuiet);
  }
  // tmux ends a job with the client that caused it, so once is not always enough.
  bool ControlFires(std::vector<std::string> arguments, const fs::path& at) {
    return WaitUntil([&] {
      TryTmux(arguments);
      return fs::exists(at);
    });
  }
};

}  // namespace

// Control: the same text given to `tmux rename-window`.
TEST_CASE("Attack T1: a title set inside is shown and never run",
          "[attack][T1][namespace][docker][podman]") {
  if (!HaveTmux()) return;
  for (const std::string engine : {"namespace", "docker", "podman"}) {
    if (!CanUse(engine)) continue;
    INFO(engine);
    NameWorld world;
    const std::string payload = world.Payload("title");
    std::string script;
    for (const std::string& title : std::vector<std::string>{
             payload, "#" + payload, "##" + payload, "#{E:" + payload + "}", "#{l:" + payload + "}",
             "-t" + payload, ";kill-server", "a\nrun-shell " + payload}) {
      script +=
          "workmux set-window-title -- '" + title + "'; workmux set-window-title '" + title + "'\n";
    }
    script +=
        "workmux set-window-title shown-title\nworkmux set-window-status working; echo "
        "titles-done\n";
    WriteFile(world.repo() / "titles.sh", script);
    world.SetConfig(SandboxConfigFor(engine));
    world.TypeInPane("main", "workmux sandbox run . -- '. ./titles.sh; sleep 2'; echo over");
    REQUIRE(
        WaitUntil([&] { return world.PaneText("main").find("titles-done") != std::string::npos; },
                  std::chrono::seconds(30)));
    CHECK_FALSE(world.Fires(world.marker("title")));
    CHECK(world.Tmux({"list-panes", "-a", "-F", "#{@workmux_title} #{window_name}"})
              .find("shown-title") != std::string::npos);
    CHECK(world.ControlFires({"rename-window", "-t", "main:", payload}, world.marker("title")));
  }
}

// Control: the same text given to `tmux rename-window`.
TEST_CASE("Attack T1: a name given to add is shown and never run", "[attack][T1][tmux]") {
  if (!HaveTmux()) return;
  NameWorld world;
  const std::string payload = world.Payload("name");
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"add", "-b", "-C", "b" + payload},
        {"add", "-b", "-C", "plain", "--name", payload},
        {"add", "-b", "-C", "x/##" + payload}}) {
    const CommandResult added = world.Run(arguments);
    UNSCOPED_INFO(added.out << added.err);
  }
  CHECK_FALSE(world.Fires(world.marker("name")));
  CHECK(fs::exists(world.git().git_dir() / "worktrees"));
  world.Run({"list"});
  world.Run({"status"});
  CHECK_FALSE(world.Fires(world.marker("name")));
  CHECK(world.ControlFires({"rename-window", "-t", "main:", payload}, world.marker("name")));
}

}  // namespace workmux::test
