#include <filesystem>
#include <iostream>

#include "common/base/strings.h"
#include "tests/e2e/worktrees/flows.h"
#include "tests/support/catch.h"
#include "tests/support/wait_until.h"

namespace workmux::test {
namespace {

namespace fs = std::filesystem;

bool HaveShell(const std::string& shell) {
  if (fs::exists(shell)) return true;
  std::cout << "SKIPPED: no " << shell << "\n";
  return false;
}

}  // namespace

TEST_CASE("windows: panes as configured", "[worktrees]") {
  if (!HaveTmux()) return;
  Flows f(
      "agent: claude\npanes:\n  - command: <agent>\n  - split: horizontal\n    percentage: 25\n    "
      "focus: true\n"
      "  - split: vertical\n    target: 0\n    size: 10\n    command: echo third "
      ">\"$HOME/third\"\n");
  f.world.Must({"add", "topic", "-b", "-p", "x"});
  CHECK(f.AgentArguments("topic") == "--\nx\n");
  CHECK(WaitUntil([&] { return ReadWholeFile(f.world.home() / "third") == "third\n"; }));
  const std::string panes =
      f.world.Tmux({"list-panes", "-t", "=main:=wm-topic", "-F",
                    "#{pane_left},#{pane_top} #{pane_width}x#{pane_height} #{pane_active}"});
  CHECK(panes == "0,0 119x37 0\n0,38 119x10 0\n120,0 40x48 1");
  // -b: the person stays where they were.
  CHECK(f.world.Tmux({"display-message", "-p", "-t", "=main:", "#{window_name}"}) == "bash");
}

TEST_CASE("windows: a zoomed pane, and base indexes of 1", "[worktrees]") {
  if (!HaveTmux()) return;
  WorkmuxWorld world(
      "panes:\n  - command: echo first >$HOME/first\n  - split: vertical\n    zoom: true\n");
  world.StartTmux("set -g base-index 1\nset -g pane-base-index 1\nset -g renumber-windows on");
  world.Must({"add", "topic"});
  CHECK(WaitUntil([&] { return fs::exists(world.home() / "first"); }));
  CHECK(world.Tmux({"display-message", "-p", "-t",
                    "=main:", "#{window_index} #{pane_index} #{window_zoomed_flag}"}) == "2 2 1");
  world.Must({"close", "topic"});
  CHECK(world.Tmux({"list-windows", "-a", "-F", "#{window_index}"}) == "1");
}

TEST_CASE("windows: commands are typed into the login shell", "[worktrees]") {
  if (!HaveTmux()) return;
  for (const std::string& shell :
       std::vector<std::string>{"/usr/bin/bash", "/usr/bin/zsh", "/usr/bin/fish"}) {
    if (!HaveShell(shell)) continue;
    INFO(shell);
    Flows f("agent: claude\n");
    const pid_t first = f.world.TmuxPid();
    f.world.TryTmux({"kill-server"});
    REQUIRE(WaitForEnd(first));
    WriteFile(f.world.home() / ".zshrc", "PROMPT='%% '\n");
    f.world.env()["SHELL"] = shell;
    f.world.StartTmux("set -g default-shell " + shell + "\nset -g default-command ''");
    f.world.Must({"add", "topic", "-b", "-p", "it's \"quoted\" $HOME `id` \\n !x"});
    CHECK(f.AgentArguments("topic") == "--\nit's \"quoted\" $HOME `id` \\n !x\n");
  }
}

TEST_CASE("windows: one that a person renamed is still found", "[worktrees]") {
  if (!HaveTmux()) return;
  Flows f;
  for (const char* name : {"a", "b", "c"}) {
    f.world.Must({"add", name, "-b"});
    f.world.git().Commit(name, "", name, f.Path(name));
    f.world.Tmux(
        {"rename-window", "-t", std::string("=main:=wm-") + name, std::string("mine ") + name});
  }
  CHECK(f.world.Must({"open", "a", "-b"}).find("switched to a") == 0);
  f.world.Must({"close", "a"});
  CHECK(f.Windows() == "bash\nmine b\nmine c");
  f.world.Must({"merge", "b"});
  f.world.Must({"remove", "-f", "c"});
  CHECK(f.Windows() == "bash");
}

TEST_CASE("windows: two repositories with the same branch do not disturb each other",
          "[worktrees]") {
  if (!HaveTmux()) return;
  Flows f;
  const fs::path second = f.world.area() / "second";
  f.Git({"clone", "--quiet", f.world.repo().string(), second.string()});
  const WorkmuxWorld::Where there{.cwd = second, .env = {}, .input = {}};
  f.world.Must({"add", "topic", "-b"});
  f.world.Must({"add", "topic", "-b"}, there);
  CHECK(f.Windows() == "bash\nwm-topic\nwm-topic-second");
  f.world.Must({"remove", "topic"});
  CHECK(f.Windows() == "bash\nwm-topic-second");
  CHECK(fs::exists(f.world.area() / "second__worktrees/topic/file.txt"));
  CHECK(f.world.Must({"list"}, there).find("✓") != std::string::npos);
  f.world.Must({"close", "topic"}, there);
  CHECK(f.Windows() == "bash");
}

TEST_CASE("windows: inside tmux the person is taken along, outside the way is told",
          "[worktrees]") {
  if (!HaveTmux()) return;
  Flows f;
  const std::string pane = f.world.Tmux({"display-message", "-p", "-t", "=main:", "#{pane_id}"});
  auto person = f.world.StartCommand(
      {"tmux", "-S", f.world.tmux_socket().string(), "attach-session", "-t", "=main"},
      Program::Terminal{48, 160});
  REQUIRE(WaitUntil([&] { return !f.world.Tmux({"list-clients"}).empty(); }));
  const std::string told =
      f.world.Must({"add", "seen"}, {.cwd = {}, .env = f.Inside(pane), .input = {}});
  CHECK(told.find("show it") == std::string::npos);
  CHECK(f.world.Tmux({"display-message", "-p", "-t", "=main:", "#{window_name}"}) == "wm-seen");
  f.world.Must({"add", "behind", "-b"}, {.cwd = {}, .env = f.Inside(pane), .input = {}});
  CHECK(f.world.Tmux({"display-message", "-p", "-t", "=main:", "#{window_name}"}) == "wm-seen");
  CHECK(f.world.Must({"add", "outside", "-b"}).find("show it: tmux -S ") != std::string::npos);
}

TEST_CASE("windows: servers are kept apart", "[worktrees]") {
  if (!HaveTmux()) return;
  Flows f;
  const std::string other = (f.world.area() / "other").string();
  f.world.Must({"add", "here", "-b"});
  f.world.Must({"add", "there", "-b"},
               {.cwd = {}, .env = {{"WORKMUX_TMUX_SOCKET", other}}, .input = {}});
  CHECK(f.Windows() == "bash\nwm-here");
  const auto theirs = [&] {
    return f.world
        .RunCommand({"tmux", "-S", other, "list-windows", "-a", "-F", "#{window_name}"}, {})
        .out;
  };
  CHECK(theirs().find("wm-there") != std::string::npos);
  CHECK(theirs().find("wm-here") == std::string::npos);
  f.world.RunCommand({"tmux", "-S", other, "kill-server"}, {});
}

TEST_CASE("windows: the status is shown in the name until a person looks", "[worktrees]") {
  if (!HaveTmux()) return;
  Flows f("panes: [{}]\nstatus_icons: {working: W, waiting: Q, done: D}\n");
  f.world.Must({"add", "topic", "-b"});
  const std::string pane = f.world.PaneOfWindow("wm-topic");
  const auto icon = [&] {
    return f.world.Tmux({"display-message", "-p", "-t", pane, "#{window_name} #{@workmux_status}"});
  };
  const WorkmuxWorld::Where inside{.cwd = f.Path("topic"), .env = f.Inside(pane), .input = {}};
  f.world.Must({"set-window-status", "working"}, inside);
  CHECK(WaitUntil([&] { return icon().find("wm-topic W") != std::string::npos; }));
  f.world.Must({"set-window-status", "done"}, inside);
  CHECK(WaitUntil([&] { return icon().find("wm-topic D") != std::string::npos; }));
  CHECK(f.world.Must({"list"}).find("done") != std::string::npos);

  auto person = f.world.StartCommand(
      {"tmux", "-S", f.world.tmux_socket().string(), "attach-session", "-t", "=main"},
      Program::Terminal{48, 160});
  REQUIRE(WaitUntil(
      [&] { return f.world.Tmux({"list-clients"}).find("160x48") != std::string::npos; }));
  CHECK(icon().find(" D") != std::string::npos);
  person->Type("\x02n");  // prefix, next window
  CHECK(WaitUntil([&] { return icon().find(" D") == std::string::npos; }));
}

}  // namespace workmux::test
