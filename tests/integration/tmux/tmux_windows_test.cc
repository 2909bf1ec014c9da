#include "tests/integration/tmux/attached_client.h"
#include "tests/integration/tmux/tmux_server.h"
#include "tests/support/catch.h"
#include "tests/support/status_matchers.h"
#include "tests/support/wait_until.h"

namespace workmux::daemon {
namespace {

using test::AttachedClient;
using test::HaveProgram;
using test::kToken;
using test::Must;
using test::TmuxServer;
using test::WaitUntil;

struct Fixture {
  explicit Fixture(const std::string& config = "")
      : server(config), mux(Must(servers.Get(server.socket()))) {}
  PosixCommandRunner runner;
  TmuxServer server;
  TmuxServers servers{runner};
  std::shared_ptr<Multiplexer> mux;
};

}  // namespace

TEST_CASE("Multiplexer: a window with its panes, options, environment and place", "[tmux]") {
  if (!HaveProgram("tmux")) return;
  for (const char* config :
       {"", "set -g base-index 1\nset -g pane-base-index 1\nset -g renumber-windows on",
        "set -g destroy-unattached off\nset -g allow-passthrough on"}) {
    Fixture f(config);
    f.server.Run({"new-window", "-d", "-t", "main:", "-n", "last"});
    WindowSpec spec = f.server.Window("feat-login");
    spec.env = {{"WORKMUX_SOCKET", "/run/x #{pid} %H;"}};
    spec.panes.resize(3);
    for (PaneSpec& pane : spec.panes) pane.cwd = f.server.dir().path();
    spec.panes[1].split = SplitDirection::kHorizontal;
    spec.panes[1].percentage = 30;
    spec.panes[2].split = SplitDirection::kVertical;
    spec.panes[2].size = 7;
    spec.panes[2].target = 0;
    spec.panes[1].focus = true;
    const WindowRef window = Must(f.mux->CreateWindow(spec, f.server.PaneOf("main:")));
    REQUIRE(window.pane_ids.size() == 3);

    CHECK(f.server.Run({"list-windows", "-t", "main", "-F", "#{window_name}"})
              .find("\nfeat-login\nlast") != std::string::npos);
    const auto of = [&](const std::string& target, const std::string& format) {
      return f.server.Run({"display-message", "-p", "-t", target, format});
    };
    CHECK(of(window.window_id,
             "#{pane_id} #{automatic-rename} #{allow-rename} #{allow-passthrough} "
             "#{@workmux_token}") == window.pane_ids[1] + " 0 0 0 " + kToken);
    CHECK(of(window.pane_ids[2], "#{pane_height}") == "7");
    CHECK(of(window.pane_ids[1], "#{pane_width}") == "48");
    const std::string pid = of(window.pane_ids[2], "#{pane_pid}");
    CHECK(
        test::ReadWholeFile("/proc/" + pid + "/environ").find("WORKMUX_SOCKET=/run/x #{pid} %H;") !=
        std::string::npos);
    CHECK(f.server.Run({"show-options", "-s"}).find("@workmux_cwd") == std::string::npos);
    // The user stayed where they were.
    CHECK(of("main:", "#{window_id}") == "@0");
  }
}

TEST_CASE("Multiplexer: a window is found by its token after a rename, then killed", "[tmux]") {
  if (!HaveProgram("tmux")) return;
  Fixture f;
  const WindowRef window = Must(f.mux->CreateWindow(f.server.Window("one"), ""));
  REQUIRE_OK(f.mux->RenameWindow(window.window_id, "two #{pid}"));
  f.server.Run({"rename-window", "-t", window.window_id, "by hand"});
  const std::vector<WindowRef> found = Must(f.mux->FindWindows(kToken));
  REQUIRE(found.size() == 1);
  CHECK(found[0].window_id == window.window_id);
  CHECK(found[0].pane_ids == window.pane_ids);
  CHECK(Must(f.mux->FindWindows(std::string(32, '0'))).empty());
  CHECK(Must(f.mux->FindWindows("")).empty());
  REQUIRE_OK(f.mux->KillWindow(window.window_id));
  CHECK(Must(f.mux->FindWindows(kToken)).empty());
  CHECK_CODE(f.mux->KillWindow(window.window_id), absl::StatusCode::kNotFound);
  CHECK_CODE(f.mux->KillWindow("main"), absl::StatusCode::kInvalidArgument);
}

TEST_CASE("Multiplexer: a failed window leaves nothing", "[tmux]") {
  if (!HaveProgram("tmux")) return;
  Fixture f;
  const std::string before = f.server.Run({"list-windows", "-a"});
  WindowSpec spec = f.server.Window("many");
  for (int i = 0; i < 20; ++i) {
    spec.panes.push_back(spec.panes.front());
    spec.panes.back().split = SplitDirection::kHorizontal;
    spec.panes.back().target = 0;
  }
  CHECK_CODE(f.mux->CreateWindow(spec, ""), absl::StatusCode::kFailedPrecondition);
  spec = f.server.Window("nowhere");
  spec.panes[0].cwd = f.server.dir() / "missing";
  CHECK_CODE(f.mux->CreateWindow(spec, ""), absl::StatusCode::kNotFound);
  CHECK_CODE(f.mux->CreateWindow(f.server.Window("x"), "%99"), absl::StatusCode::kNotFound);
  CHECK(f.server.Run({"list-windows", "-a"}) == before);
  CHECK(f.server.Run({"show-options", "-s"}).find("@workmux_cwd") == std::string::npos);
}

TEST_CASE("Multiplexer: selecting a window moves the client that shows the pane", "[tmux]") {
  if (!HaveProgram("tmux")) return;
  Fixture f;
  f.server.Run({"new-session", "-d", "-s", "other"});
  const WindowRef window =
      Must(f.mux->CreateWindow(f.server.Window("there"), f.server.PaneOf("other:")));
  AttachedClient person(f.server.socket(), "main");
  const auto shown = [&] {
    std::string text = f.server.Run({"list-clients", "-F", "#{client_control_mode}#{window_id}"});
    return text;
  };
  REQUIRE(WaitUntil([&] { return shown().find("0@0") != std::string::npos; }));
  REQUIRE_OK(f.mux->SelectWindow(window, f.server.PaneOf("main:")));
  CHECK(WaitUntil([&] { return shown().find("0" + window.window_id) != std::string::npos; }));
  const std::vector<PaneInfo> panes = Must(f.mux->ListPanes());
  for (const PaneInfo& pane : panes) CHECK(pane.seen == (pane.pane_id == window.pane_ids[0]));
  person.LoseFocus();
}

TEST_CASE("Multiplexer: the end of a pane is reported, in every session", "[tmux]") {
  if (!HaveProgram("tmux")) return;
  Fixture f;
  f.server.Run({"new-session", "-d", "-s", "other", "-x", "160", "-y", "48"});
  Mutex mu;
  std::vector<std::string> gone;
  f.mux->Observe({.on_pane_gone =
                      [&](const std::string& pane) {
                        MutexLock lock(mu);
                        gone.push_back(pane);
                      },
                  .on_status_cleared = nullptr,
                  .on_server_gone = nullptr});
  const auto is_gone = [&](const std::string& pane) {
    MutexLock lock(mu);
    return std::find(gone.begin(), gone.end(), pane) != gone.end();
  };
  for (const char* session : {"main:", "other:"}) {
    WindowSpec spec = f.server.Window("two");
    spec.panes.push_back(spec.panes.front());
    spec.panes.back().split = SplitDirection::kVertical;
    const WindowRef window = Must(f.mux->CreateWindow(spec, f.server.PaneOf(session)));
    REQUIRE(WaitUntil([&] {
      return f.server.Run({"list-clients", "-t", session, "-F", "#{client_control_mode}"}) == "1";
    }));
    f.server.Run({"kill-pane", "-t", window.pane_ids[1]});
    CHECK(WaitUntil([&] { return is_gone(window.pane_ids[1]); }));
    CHECK_FALSE(is_gone(window.pane_ids[0]));
    f.server.Run({"kill-window", "-t", window.window_id});
    CHECK(WaitUntil([&] { return is_gone(window.pane_ids[0]); }));
  }
  // No window of ours is left: nor is a client of ours.
  CHECK(WaitUntil([&] { return f.server.Run({"list-clients"}).empty(); }));
}

}  // namespace workmux::daemon
