#include <atomic>
#include <optional>

#include "tests/integration/tmux/attached_client.h"
#include "tests/integration/tmux/tmux_server.h"
#include "tests/support/catch.h"
#include "tests/support/status_matchers.h"
#include "tests/support/wait_until.h"

namespace workmux::daemon {
namespace {

using test::AttachedClient;
using test::HaveProgram;
using test::Must;
using test::TmuxServer;
using test::WaitUntil;

struct Fixture {
  explicit Fixture(const std::string& config = "")
      : server(config), mux(Must(servers->Get(server.socket()))) {
    mux->Observe({.on_pane_gone = nullptr,
                  .on_status_cleared = [this](const std::string&) { ++cleared; },
                  .on_server_gone = nullptr});
    window = Must(mux->CreateWindow(server.Window("agent"), server.PaneOf("main:")));
  }
  // The window's entry as the status line shows it.
  std::string Shown() {
    return server.Run({"list-windows", "-t", "main", "-f",
                       "#{==:#{window_id}," + window.window_id + "}", "-F",
                       "#{T:window-status-format}"});
  }
  bool HasClient(const std::string& text) {
    return WaitUntil([&] {
      return server.Run({"list-clients", "-F", "#{client_control_mode} #{client_flags}"})
                 .find(text) != std::string::npos;
    });
  }

  std::atomic<int> cleared{0};
  PosixCommandRunner runner;
  TmuxServer server;
  std::optional<TmuxServers> servers{runner};
  std::shared_ptr<Multiplexer> mux;
  WindowRef window;
};

}  // namespace

TEST_CASE("ShowStatus: the icon is in the window's entry and goes with an empty one", "[tmux]") {
  if (!HaveProgram("tmux")) return;
  for (const char* config :
       {"", "set -g window-status-format '<#W#F>'\nset -g window-status-current-format '<#W>'"}) {
    Fixture f(config);
    const std::string before = f.Shown();
    REQUIRE_OK(f.mux->ShowStatus(f.window.pane_ids[0], {.text = "🤖", .auto_clear = false}));
    CHECK(f.Shown().find("agent 🤖") != std::string::npos);
    REQUIRE_OK(f.mux->ShowStatus(f.window.pane_ids[0], {.text = "✅", .auto_clear = true}));
    CHECK(f.Shown().find("agent ✅") != std::string::npos);
    REQUIRE_OK(f.mux->ShowStatus(f.window.pane_ids[0], {.text = "", .auto_clear = false}));
    CHECK(f.Shown() == before);
    CHECK_CODE(f.mux->ShowStatus("%999", {.text = "x", .auto_clear = false}),
               absl::StatusCode::kNotFound);
  }
}

TEST_CASE("ShowStatus: the user's own format is left alone when asked to", "[tmux]") {
  if (!HaveProgram("tmux")) return;
  Fixture f("set -g window-status-format '#W'");
  const std::string pane = f.window.pane_ids[0];
  REQUIRE_OK(f.mux->ShowStatus(pane, {.text = "W", .edit_format = false}));
  CHECK(f.Shown() == "agent");
  CHECK(f.server.Run({"display-message", "-p", "-t", pane, "#{@workmux_status}"}) == "W");
  REQUIRE_OK(f.mux->ShowStatus(pane, {.text = "W"}));
  CHECK(f.Shown() == "agent W");
}

TEST_CASE("ShowStatus: the icon goes when a person switches to the window", "[tmux]") {
  if (!HaveProgram("tmux")) return;
  Fixture f;
  const AttachedClient person(f.server.socket(), "main");
  REQUIRE(f.HasClient("0 attached,focused"));
  REQUIRE(f.HasClient("1 attached,focused"));
  REQUIRE_OK(f.mux->ShowStatus(f.window.pane_ids[0], {.text = "D", .auto_clear = true}));
  // Our own client is attached and focused, other windows are visited: no reason to clear.
  f.server.Run({"new-window", "-t", "main:"});
  CHECK(f.Shown().find("agent D") != std::string::npos);
  f.server.Run({"select-window", "-t", f.window.window_id});
  CHECK(WaitUntil([&] { return f.cleared == 1; }));
  CHECK(f.Shown().find("agent D") == std::string::npos);
  // A status that is not of that kind stays.
  f.server.Run({"last-window", "-t", "main"});
  REQUIRE_OK(f.mux->ShowStatus(f.window.pane_ids[0], {.text = "W", .auto_clear = false}));
  f.server.Run({"select-window", "-t", f.window.window_id});
  CHECK_OK(f.mux->ListPanes());
  CHECK(f.Shown().find("agent W") != std::string::npos);
}

TEST_CASE("ShowStatus: nobody attached means nobody looked", "[tmux]") {
  if (!HaveProgram("tmux")) return;
  Fixture f;
  REQUIRE(f.HasClient("1 attached,focused"));
  REQUIRE_OK(f.mux->ShowStatus(f.window.pane_ids[0], {.text = "D", .auto_clear = true}));
  f.server.Run({"select-window", "-t", f.window.window_id});
  CHECK(f.Shown().find("agent D") != std::string::npos);
  // Attaching to it is a look.
  const AttachedClient person(f.server.socket(), "main");
  CHECK(WaitUntil([&] { return f.cleared == 1; }));
  CHECK(WaitUntil([&] { return f.Shown().find("agent D") == std::string::npos; }));
}

TEST_CASE("ShowStatus: the icon goes when the terminal regains the focus", "[tmux]") {
  if (!HaveProgram("tmux")) return;
  Fixture f("set -g focus-events on");
  const AttachedClient person(f.server.socket(), "main");
  f.server.Run({"select-window", "-t", f.window.window_id});
  REQUIRE(f.HasClient("0 attached,focused"));
  person.LoseFocus();
  REQUIRE(f.HasClient("0 attached,UTF-8"));
  REQUIRE_OK(f.mux->ShowStatus(f.window.pane_ids[0], {.text = "D", .auto_clear = true}));
  CHECK(WaitUntil([&] {
    return f.server.Run({"show-hooks", "-g"}).find("wait-for -S") != std::string::npos;
  }));
  CHECK(f.Shown().find("agent D") != std::string::npos);
  person.GainFocus();
  CHECK(WaitUntil([&] { return f.cleared == 1; }));
  CHECK(WaitUntil([&] { return f.Shown().find("agent D") == std::string::npos; }));
  // No hook stays behind.
  CHECK(WaitUntil([&] {
    return f.server.Run({"show-hooks", "-g"}).find("wait-for") == std::string::npos;
  }));
}

TEST_CASE("ShowStatus: what a daemon before us showed is cleared as well", "[tmux]") {
  if (!HaveProgram("tmux")) return;
  Fixture f;
  REQUIRE_OK(f.mux->ShowStatus(f.window.pane_ids[0], {.text = "D E", .auto_clear = true}));
  f.mux.reset();
  f.servers.reset();
  TmuxServers fresh(f.runner);
  const auto mux = Must(fresh.Get(f.server.socket()));
  std::atomic<int> cleared{0};
  mux->Observe({.on_pane_gone = nullptr,
                .on_status_cleared = [&](const std::string&) { ++cleared; },
                .on_server_gone = nullptr});
  REQUIRE(f.HasClient("1 attached"));
  f.server.Run({"select-window", "-t", f.window.window_id});
  const AttachedClient person(f.server.socket(), "main");
  CHECK(WaitUntil([&] { return cleared == 1; }));
  CHECK(WaitUntil([&] { return f.Shown().find("D E") == std::string::npos; }));
}

}  // namespace workmux::daemon
