#include <atomic>

#include "common/base/strings.h"
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

std::string ControlClients(TmuxServer& server) {
  std::string sessions;
  for (const std::string& line :
       SplitLines(server.Run({"list-clients", "-F", "#{client_control_mode} #{session_name}"}))) {
    if (line.starts_with("1 ")) sessions += line.substr(2);
  }
  return sessions;
}

}  // namespace

TEST_CASE("TmuxServers: no server is ever started", "[tmux]") {
  if (!HaveProgram("tmux")) return;
  PosixCommandRunner runner;
  TmuxServers servers(runner);
  const test::TempDir dir;
  const auto none = servers.Get((dir / "s").string());
  CHECK_CODE(none, absl::StatusCode::kUnavailable);
  CHECK(ReasonOf(none.status()) == "TMUX_NOT_RUNNING");
  CHECK_FALSE(HintOf(none.status()).empty());
  CHECK_FALSE(std::filesystem::exists(dir / "s"));
}

TEST_CASE("TmuxServers: servers are kept apart", "[tmux]") {
  if (!HaveProgram("tmux")) return;
  PosixCommandRunner runner;
  TmuxServer one;
  TmuxServer two;
  TmuxServers servers(runner);
  const auto first = Must(servers.Get(one.socket()));
  const auto second = Must(servers.Get(two.socket()));
  CHECK(first != second);
  CHECK(Must(servers.Get(one.socket())) == first);
  const WindowRef window = Must(first->CreateWindow(one.Window("here"), ""));
  CHECK(Must(first->FindWindows(test::kToken)).size() == 1);
  CHECK(Must(second->FindWindows(test::kToken)).empty());
}

TEST_CASE("TmuxServers: a server that is killed is noticed and opened anew later", "[tmux]") {
  if (!HaveProgram("tmux")) return;
  PosixCommandRunner runner;
  auto server = std::make_unique<TmuxServer>();
  const std::string socket = server->socket();
  TmuxServers servers(runner);
  auto mux = Must(servers.Get(socket));
  std::atomic<bool> gone{false};
  std::atomic<int> closed{0};
  mux->Observe({.on_pane_gone = [&](const std::string&) { ++closed; },
                .on_status_cleared = nullptr,
                .on_server_gone = [&] { gone = true; }});
  (void)Must(mux->CreateWindow(server->Window("here"), ""));
  REQUIRE(WaitUntil([&] { return ControlClients(*server) == "main"; }));
  server->Run({"kill-server"});
  CHECK(WaitUntil([&] { return gone.load(); }));
  // Lost, not closed: what ran there may be brought back.
  CHECK(closed == 0);
  const auto listed = mux->ListPanes();
  CHECK(ReasonOf(listed.status()) == "TMUX_NOT_RUNNING");
  CHECK_CODE(servers.Get(socket), absl::StatusCode::kUnavailable);
}

TEST_CASE("ControlClient: takes no part in a session that ends when unattached", "[tmux]") {
  if (!HaveProgram("tmux")) return;
  PosixCommandRunner runner;
  TmuxServer server;
  TmuxServers servers(runner);
  const test::AttachedClient person(server.socket(), "main");
  REQUIRE(WaitUntil([&] { return !server.Run({"list-clients"}).empty(); }));
  server.Run({"set-option", "-g", "destroy-unattached", "on"});
  const auto mux = Must(servers.Get(server.socket()));
  const WindowRef window =
      Must(mux->CreateWindow(server.Window("quiet", "touch ran"), server.PaneOf("main:")));
  CHECK(WaitUntil([&] { return std::filesystem::exists(server.dir() / "ran"); }));
  REQUIRE_OK(mux->ShowStatus(window.pane_ids[0], {.text = "W", .auto_clear = true}));
  CHECK(server.Run({"display-message", "-p", "-t", window.window_id, "#{@workmux_status}"}) == "W");
  CHECK_CODE(mux->KillWindow("@999"), absl::StatusCode::kNotFound);
  CHECK(ControlClients(server).empty());
}

TEST_CASE("ControlClient: the session's environment and size stay the user's", "[tmux]") {
  if (!HaveProgram("tmux")) return;
  PosixCommandRunner runner;
  TmuxServer server;
  server.Run({"set-environment", "-t", "main", "SSH_AUTH_SOCK", "/run/agent"});
  const std::string before = server.Run({"show-environment", "-t", "main"});
  TmuxServers servers(runner);
  const auto mux = Must(servers.Get(server.socket()));
  (void)Must(mux->CreateWindow(server.Window("w"), ""));
  REQUIRE(WaitUntil([&] { return ControlClients(server) == "main"; }));
  CHECK(server.Run({"show-environment", "-t", "main"}) == before);
  CHECK(server.Run({"display-message", "-p", "-t", "main:", "#{window_width}x#{window_height}"}) ==
        "160x48");
}

TEST_CASE("ControlClient: comes back after a user detached all clients", "[tmux]") {
  if (!HaveProgram("tmux")) return;
  PosixCommandRunner runner;
  TmuxServer server;
  TmuxServers servers(runner);
  const auto mux = Must(servers.Get(server.socket()));
  (void)Must(mux->CreateWindow(server.Window("w"), ""));
  REQUIRE(WaitUntil([&] { return ControlClients(server) == "main"; }));
  const std::string first = server.Run({"list-clients", "-F", "#{client_pid}"});
  server.Run({"detach-client", "-s", "main"});
  CHECK(WaitUntil([&] {
    const std::string now = server.Run({"list-clients", "-F", "#{client_pid}"});
    return !now.empty() && now != first;
  }));
  CHECK_OK(mux->ListPanes());
}

}  // namespace workmux::daemon
