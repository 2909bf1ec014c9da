#pragma once

#include <unistd.h>

#include <memory>
#include <string>
#include <utility>

#include "daemon/domain/session_manager.h"
#include "tests/fakes/fake_git.h"
#include "tests/fakes/fake_images.h"
#include "tests/fakes/fake_multiplexer.h"
#include "tests/fakes/fake_progress.h"
#include "tests/fakes/fake_records.h"
#include "tests/fakes/fake_sandbox.h"
#include "tests/fakes/manual_executor.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace workmux::test {

// A session manager over fakes: a real loop, an executor that the test runs, a
// container-like backend "docker" and one named "namespace".
struct SessionWorld {
  SessionWorld() {
    WriteFile(dir / "home/.config/workmux/config.yaml", "sandbox:\n  enabled: true\n");
    caller.cwd = git.repository().main_worktree;
    caller.env = {{"HOME", (dir / "home").string()}, {"PATH", "/usr/bin"}};
    confined.outlives = false;
    Restart();
  }

  // The daemon's death and return: what is on record and the sandboxes outlive it.
  void Restart() {
    executor.RunAll();
    manager.reset();
    agents.reset();
    bridge.open.clear();
    egress.open.clear();
    gates.open.clear();
    boundary.watched.clear();
    agent_configs.Forget();
    directory = std::make_unique<daemon::SessionDirectory>();
    agents = std::make_unique<daemon::AgentTracker>(agent_records, tmux);
    manager = std::make_unique<daemon::SessionManager>(daemon::SessionManager::Deps{
        .planner = planner,
        .git = boundary,
        .agent_configs = agent_configs,
        .bridge = bridge,
        .egress = egress,
        .gates = gates,
        .agents = *agents,
        .multiplexers = tmux,
        .directory = *directory,
        .records = session_records,
        .trust = gate,
        .images = images,
        .backends = backends,
        .loop = loop,
        .executor = executor,
        .runtime_dir = dir / "run",
        .guest_dir = "/usr/lib/workmux/guest",
        .instance = "mine",
        // The fakes' paths exist nowhere.
        .record_sources =
            [](std::span<const daemon::Mount>) { return daemon::MountSources::Record({}); },
        .unclaimed_grace = std::chrono::milliseconds(20)});
  }

  daemon::SessionRequest Request() const {
    daemon::SessionRequest request;
    request.caller = caller;
    request.command = {"make"};
    request.client_pid = ::getpid();
    return request;
  }
  absl::StatusOr<daemon::SessionManager::Opened> Open(std::stop_token stop = {}) {
    return manager->Open(Request(), progress, stop);
  }
  std::string MustOpen() { return Must(Open()).session_id; }

  // Nothing of a session is left anywhere.
  bool NothingLeft() {
    return directory->All().empty() && session_records.sessions.empty() && bridge.open.empty() &&
           egress.open.empty() && gates.open.empty() && container.existing.empty() &&
           boundary.watched.empty() && agent_configs.watches() == 0;
  }

  TempDir dir;
  FakeGit git{dir.path()};
  FakeMultiplexers tmux;
  FakeProgress progress;
  FakeTrustRecords trust;
  FakeAgentRecords agent_records;
  FakeSessionRecords session_records;
  SandboxLog log;
  FakeSandboxBackend container{"docker", log};
  FakeSandboxBackend confined{"namespace", log};
  FakeBridgeListeners bridge{log};
  FakeEgressGateway egress{log};
  FakeFirewallGates gates{log};
  FakeGitBoundary boundary{log};
  FakeAgentConfigs agent_configs;
  daemon::SandboxBackends backends{{"docker", &container}, {"namespace", &confined}};
  daemon::ConfigGate gate{trust};
  daemon::SessionPlanner::ProgramPaths installed;  // what a search for any program finds
  daemon::SessionPlanner planner{
      {.git = git,
       .config = gate,
       .backends = backends,
       .find_program = [this](const std::string&, const Env&) { return installed; },
       .default_runtime = [] { return std::string("docker"); },
       .own_dirs = {dir / "home/.local/state/workmux"}}};
  daemon::EventLoop loop;
  ManualExecutor executor;  // its jobs hold registrations of the loop
  FakeImageStore image_store;
  FakeImageRecords image_records;
  daemon::ImageManager images{
      {.records = image_records, .executor = executor, .now = [] { return 0; }}};
  daemon::Caller caller;
  std::unique_ptr<daemon::SessionDirectory> directory;
  std::unique_ptr<daemon::AgentTracker> agents;
  std::unique_ptr<daemon::SessionManager> manager;
};

}  // namespace workmux::test
