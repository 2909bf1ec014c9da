#pragma once

#include <functional>
#include <string>
#include <vector>

#include "common/base/status.h"
#include "daemon/domain/worktree_manager.h"
#include "tests/fakes/fake_git.h"
#include "tests/fakes/fake_multiplexer.h"
#include "tests/fakes/fake_progress.h"
#include "tests/fakes/fake_stores.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace workmux::test {

class FakeAgents : public daemon::AgentLauncher {
 public:
  absl::StatusOr<std::string> CommandLine(const daemon::AgentLaunch& launch) override {
    last = launch;
    std::string line =
        launch.literal.empty() ? (launch.agent.empty() ? "claude" : launch.agent) : launch.literal;
    if (launch.sandboxed) line += " --yolo";
    if (launch.continue_conversation) line += " --continue";
    if (!launch.extra.empty()) line += " " + launch.extra;
    if (launch.prompt_file) line += " \"$(cat " + launch.prompt_file->string() + ")\"";
    return line;
  }
  bool IsAgentCommand(std::string_view command) override { return command.starts_with("claude"); }

  daemon::AgentLaunch last;
};

// Hooks that do what the test says and end with `code`.
class FakeHooks : public CommandRunner {
 public:
  absl::StatusOr<CommandResult> Run(const Command&, const RunOptions&) override {
    return Unimplemented("hooks are streamed");
  }
  absl::StatusOr<ExitStatus> Stream(const Command& command, const RunOptions&, OutputFn) override {
    ran.push_back(command);
    if (on_run) on_run();
    return ExitStatus{code, 0};
  }

  std::vector<Command> ran;
  std::function<void()> on_run;
  int code = 0;
};

// A repository with a main worktree, tmux, and a manager over fakes.
struct WorktreeWorld {
  WorktreeWorld() {
    caller.cwd = git.repository().main_worktree;
    caller.env = {{"HOME", (dir / "home").string()}, {"SHELL", "/bin/bash"}, {"TMUX_PANE", "%0"}};
    caller.cli_path = "/usr/bin/workmux";
  }
  daemon::WorktreeContext Context() {
    return {caller, config, with_tmux ? &tmux : nullptr, &agents, progress, stop.get_token()};
  }
  daemon::WorktreeManager Manager() {
    return daemon::WorktreeManager(
        {git,
         hooks,
         records,
         journal,
         [] { return std::chrono::system_clock::time_point(std::chrono::seconds(1700000000)); },
         {{"WORKMUX_SOCKET", "/s"}},
         nullptr});
  }
  absl::StatusOr<daemon::AddResult> Add(const std::string& branch) {
    daemon::AddRequest request;
    request.branch = branch;
    return manager.Add(Context(), request);
  }
  std::filesystem::path PathOf(const std::string& handle) const {
    return dir / "repo__worktrees" / handle;
  }
  std::vector<std::string> TrashLeft() const {
    std::vector<std::string> left;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(dir / "repo__worktrees", error)) {
      if (entry.path().filename().string().starts_with(".workmux_")) left.push_back(entry.path());
    }
    return left;
  }
  bool NothingLeftOf(const std::string& branch) {
    return !std::filesystem::exists(PathOf(branch)) && !git.HasWorktree(PathOf(branch)) &&
           git.Ref("refs/heads/" + branch).empty() && tmux.windows().empty() &&
           Must(records.List(git.repository().common_dir)).empty() &&
           Must(journal.Unfinished()).empty() && TrashLeft().empty();
  }

  TempDir dir;
  FakeGit git{dir.path()};
  FakeMultiplexer tmux;
  FakeRecords records;
  FakeJournal journal;
  FakeHooks hooks;
  FakeAgents agents;
  FakeProgress progress;
  daemon::Caller caller;
  daemon::LoadedConfig config;
  std::stop_source stop;
  bool with_tmux = true;
  daemon::WorktreeManager manager = Manager();
};

}  // namespace workmux::test
