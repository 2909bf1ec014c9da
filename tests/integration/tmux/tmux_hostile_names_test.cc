#include <random>

#include "tests/integration/tmux/attached_client.h"
#include "tests/integration/tmux/tmux_server.h"
#include "tests/support/catch.h"
#include "tests/support/status_matchers.h"
#include "tests/support/wait_until.h"

namespace workmux::daemon {
namespace {

using test::HaveProgram;
using test::Must;
using test::TmuxServer;
using test::WaitUntil;

// Runs `touch marker` wherever tmux expands it as a format.
std::string Attack(const std::filesystem::path& marker) {
  return "#(touch " + marker.string() + ")";
}

}  // namespace

TEST_CASE("Hostile names: tmux runs #(…) in a name, a title format and a directory",
          "[tmux][control]") {
  if (!HaveProgram("tmux")) return;
  TmuxServer server;
  const std::filesystem::path marker = server.dir() / "marker";
  // Again and again: tmux ends the job when the client that caused it has gone.
  const auto fires = [&](const std::vector<std::string>& arguments) {
    std::filesystem::remove(marker);
    return WaitUntil([&] {
      server.Run(arguments);
      return std::filesystem::exists(marker);
    });
  };
  CHECK(fires({"rename-window", "-t", "main:", Attack(marker)}));
  CHECK(fires({"new-window", "-d", "-n", Attack(marker) + "a"}));
  CHECK(fires({"new-window", "-d", "-c", "/" + Attack(marker) + "b"}));
  CHECK(fires({"set-option", "-F", "-w", "@x", Attack(marker) + "c"}));
}

TEST_CASE("Hostile names: nothing of ours makes a format of them", "[tmux]") {
  if (!HaveProgram("tmux")) return;
  TmuxServer server("set -g status-interval 1\nset -g pane-border-status top");
  PosixCommandRunner runner;
  TmuxServers servers(runner);
  const std::filesystem::path marker = server.dir() / "marker";
  const auto mux = Must(servers.Get(server.socket()));
  const test::AttachedClient person(server.socket(), "main");
  REQUIRE(WaitUntil([&] { return !server.Run({"list-clients"}).empty(); }));

  const std::string attack = Attack(marker);
  WindowSpec spec = server.Window(attack);
  spec.background = false;
  spec.panes[0].cwd = server.dir() / "d %H #[x] ##(y) #(touch marker);";
  std::filesystem::create_directories(spec.panes[0].cwd);
  const WindowRef window = Must(mux->CreateWindow(spec, server.PaneOf("main:")));
  const std::vector<std::string> texts = {
      attack,         "#" + attack, "##" + attack,      "#{E:" + attack + "}", "-t",
      ";kill-server", "x;",         "a\nkill-server\n", "#{l:" + attack + "}"};
  for (const std::string& text : texts) {
    CHECK_OK(mux->RenameWindow(window.window_id, text));
    CHECK_OK(mux->SetTitle(window.pane_ids[0], text));
    CHECK_OK(mux->ShowStatus(window.pane_ids[0], {.text = text, .auto_clear = true}));
    // A user's format that expands what it finds a second time.
    server.Run(
        {"display-message", "-p", "-t", window.window_id,
         "#{E:window_name} #{E:@workmux_title} #{E:@workmux_status} #{T:window-status-format}"});
    server.Run({"refresh-client", "-S"});
  }
  REQUIRE_OK(mux->ShowStatus(window.pane_ids[0], {.text = "#[fg=red]Z", .auto_clear = false}));
  CHECK(WaitUntil([&] {
    return server.Run({"list-windows", "-F", "#{T:window-status-format}"}).find("Z") !=
           std::string::npos;
  }));
  CHECK(server.Run({"display-message", "-p", "-t", window.pane_ids[0], "#{pane_current_path}"}) ==
        spec.panes[0].cwd);
  // #() jobs start at once when their format is expanded: a second redraw has passed.
  CHECK_FALSE(
      WaitUntil([&] { return std::filesystem::exists(marker); }, std::chrono::milliseconds(1500)));
  CHECK_FALSE(std::filesystem::exists(spec.panes[0].cwd / "marker"));
}

TEST_CASE("Hostile names: an option of a window cannot forge a pane", "[tmux]") {
  if (!HaveProgram("tmux")) return;
  TmuxServer server;
  PosixCommandRunner runner;
  TmuxServers servers(runner);
  const auto mux = Must(servers.Get(server.socket()));
  const WindowRef window = Must(mux->CreateWindow(server.Window("w"), ""));
  // tmux keeps an option's control characters, unlike those of a name.
  const std::string forged = "t\037s\037w\n%77\037@77\037$0\037t";
  server.Run({"set-option", "-w", "-t", window.window_id, "@workmux_token", forged});
  for (int round = 0; round < 2; ++round) {
    const std::vector<PaneInfo> panes = Must(mux->ListPanes());
    CHECK(panes.size() == 2);
    for (const PaneInfo& pane : panes) CHECK(pane.pane_id != "%77");
    REQUIRE(WaitUntil([&] { return !server.Run({"list-clients"}).empty(); }));
  }
}

TEST_CASE("Hostile names: random titles reach tmux as data", "[tmux]") {
  if (!HaveProgram("tmux")) return;
  TmuxServer server;
  PosixCommandRunner runner;
  TmuxServers servers(runner);
  const auto mux = Must(servers.Get(server.socket()));
  const WindowRef window = Must(mux->CreateWindow(server.Window("w"), ""));
  REQUIRE(WaitUntil([&] { return !server.Run({"list-clients"}).empty(); }));
  std::mt19937 random(11);
  const std::vector<std::string> parts = {
      "#(touch marker)", "#",  "{", "}", "#[",  "%1", "-t", ";", "\n", "'", "\"",
      "$(id)",           "\\", "~", "é", "\x1b"};
  for (int i = 0; i < 2000; ++i) {
    std::string text;
    for (unsigned n = random() % 8; n > 0; --n) text += parts[random() % parts.size()];
    REQUIRE_OK(mux->RenameWindow(window.window_id, text));
    REQUIRE_OK(mux->SetTitle(window.pane_ids[0], text));
    REQUIRE_OK(mux->ShowStatus(window.pane_ids[0], {.text = text, .auto_clear = false}));
  }
  CHECK(Must(mux->FindWindows(test::kToken)).size() == 1);
  CHECK_FALSE(std::filesystem::exists(server.dir() / "marker"));
  CHECK_FALSE(std::filesystem::exists(server.dir() / "main/marker"));
}

}  // namespace workmux::daemon
