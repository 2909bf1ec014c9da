#include <chrono>
#include <csignal>
#include <thread>

#include "cli/client/daemon_client.h"
#include "cli/commands/demo_processes.h"
#include "cli/commands/demo_world.h"
#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/io/tree.h"
#include "workmux/control/v1/daemon.pb.h"

namespace workmux::cli {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr seconds kEndLimit{15};
constexpr milliseconds kPoll{50};

// Gives what ends by itself the time to do so; what is left after that.
absl::StatusOr<std::vector<pid_t>> AwaitNone(std::string_view path) {
  const auto deadline = steady_clock::now() + kEndLimit;
  while (true) {
    auto found = ProcessesNaming(path);
    if (!found.ok() || found->empty() || steady_clock::now() > deadline) return found;
    std::this_thread::sleep_for(kPoll);
  }
}

Expectation ProcessesGone(const fs::path& root) {
  const std::string claim = "leave no process";
  auto left = AwaitNone(root.native());
  if (!left.ok()) return {claim, false, MessageOf(left.status())};
  if (left->empty()) return {claim, true, "daemon, tmux server and sandbox have ended"};
  for (const pid_t pid : *left) ::kill(pid, SIGKILL);
  return {claim, false, Format("{} had to be killed", left->size())};
}

Expectation DirectoryGone(const fs::path& root) {
  const std::string claim = "leave no file";
  // The daemon closes its database at its very end: what goes meanwhile is gone.
  const auto deadline = steady_clock::now() + kEndLimit;
  absl::Status removed = RemoveTree(root.parent_path(), root.filename().string());
  while (absl::IsNotFound(removed) && steady_clock::now() < deadline) {
    removed = RemoveTree(root.parent_path(), root.filename().string());
  }
  if (!removed.ok()) return {claim, false, MessageOf(removed)};
  std::error_code error;
  const fs::file_status status = fs::symlink_status(root, error);
  if (status.type() != fs::file_type::not_found)
    return {claim, false, root.string() + " is still there"};
  return {claim, true, root.string() + " is removed"};
}

}  // namespace

Expectation DemoWorld::ContainersGone() {
  const std::string claim = "leave no container";
  auto listed = Run({"docker", "ps", "--all", "--quiet", "--filter",
                     "label=dev.workmux.worktree=" + worktree().string()});
  if (!listed.ok()) return {claim, false, MessageOf(listed.status())};
  const std::string_view ids = Trim(*listed);
  if (ids.empty()) return {claim, true, "the engine has none of this worktree"};
  const auto containers = SplitLines(ids);
  std::vector<std::string> argv = {"docker", "rm", "--force", "--"};
  argv.insert(argv.end(), containers.begin(), containers.end());
  (void)Run(std::move(argv));
  return {claim, false, Format("{} had to be removed", containers.size())};
}

std::vector<Expectation> DemoWorld::Teardown() {
  // Also after an interruption: what follows has to run to its end.
  stop_ = {};
  if (launcher_) {
    control::v1::ShutdownRequest request;
    request.set_stop_sandboxes(true);
    // Marked first, or a pane's `sandbox run` would bring the daemon back. One
    // that does not answer is found among the processes.
    (void)launcher_->MarkStopped();
    DaemonClient client(*launcher_, StartPolicy::kNever);
    (void)client.Shutdown(request);
  }
  (void)Tmux({"kill-server"});
  std::vector<Expectation> result = {ProcessesGone(root_)};
  if (options_.backend != "namespace") result.push_back(ContainersGone());
  result.push_back(DirectoryGone(root_));
  root_.clear();
  return result;
}

}  // namespace workmux::cli
