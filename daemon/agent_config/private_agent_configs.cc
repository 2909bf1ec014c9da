#include "daemon/agent_config/private_agent_configs.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <set>
#include <utility>

#include "common/base/clock.h"
#include "common/base/path.h"
#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/io/file.h"
#include "common/log/log.h"
#include "daemon/agent_config/discarded.h"
#include "daemon/domain/worktree_state.h"
#include "daemon/domain/worktree_state_trash.h"

namespace workmux::daemon {
namespace {

namespace fs = std::filesystem;

// Claude's file as the original workmux makes it: no questions at the first start.
constexpr std::string_view kClaudeSeed =
    "{\"hasCompletedOnboarding\":true,\"bypassPermissionsModeAccepted\":true}\n";
constexpr char kClaudeFile[] = "claude.json";

void LogFailure(std::string_view what, const absl::Status& status) {
  if (!status.ok()) LogWarning("agent config", Format("{}: {}", what, MessageOf(status)));
}

// Copies of one host directory, for one agent's table of files.
std::string GroupOf(const AgentCopy& copy) {
  return Format("{}\n{}", copy.files().profile, copy.host_dir().string());
}

absl::StatusOr<fs::path> Canonical(const fs::path& path) {
  std::error_code error;
  fs::path real = fs::canonical(path, error);
  if (error) return ErrnoStatus(error.value(), path.string());
  return real;
}

// With its missing parents; who may enter the new ones is as everywhere in a home.
absl::Status MakeHostDirectory(const fs::path& dir) {
  std::error_code error;
  if (fs::is_directory(dir, error)) return absl::OkStatus();
  fs::create_directories(dir.parent_path(), error);
  if (::mkdir(dir.c_str(), 0700) == 0) return absl::OkStatus();
  return ErrnoStatus(errno, dir.string());
}

absl::Status MakeHostSeed(const fs::path& file) {
  struct stat info {};
  // A link of the user's too, wherever it leads.
  if (::lstat(file.c_str(), &info) == 0) return absl::OkStatus();
  return WriteFileAtomically(file, kClaudeSeed);
}

}  // namespace

// Of an operation on the copies' files: made before their lock is taken.
class PrivateAgentConfigs::DeletesAfterwards {
 public:
  explicit DeletesAfterwards(PrivateAgentConfigs& configs) : configs_(configs) {}
  ~DeletesAfterwards() { configs_.DeleteDiscardedLater(); }
  DeletesAfterwards(const DeletesAfterwards&) = delete;
  DeletesAfterwards& operator=(const DeletesAfterwards&) = delete;

 private:
  PrivateAgentConfigs& configs_;
};

PrivateAgentConfigs::PrivateAgentConfigs(Executor& executor, fs::path state_dir)
    : executor_(executor),
      base_(std::move(state_dir) / "agents"),
      sync_([](const AgentCopy& from, const LoginFile& file) {
        LogInfo("agent config", Format("{}/{}: a login of a sandbox was taken over",
                                       from.host_dir().string(), file.name));
      }),
      passes_(executor, [this](const std::string& group) { Pass(group); }),
      deletions_(executor, [](const std::string& place) {
        LogFailure("deleting what sandboxes left", DeleteDiscarded(place));
      }) {}

absl::StatusOr<std::unique_ptr<PrivateAgentConfigs>> PrivateAgentConfigs::Create(
    Executor& executor, fs::path state_dir) {
  std::unique_ptr<PrivateAgentConfigs> configs(
      new PrivateAgentConfigs(executor, std::move(state_dir)));
  WM_ASSIGN_OR_RETURN(auto watcher,
                      LoginWatcher::Start([raw = configs.get()](const std::string& group) {
                        raw->passes_.Request(group);
                      }));
  {
    MutexLock lock(configs->mu_);
    configs->watcher_ = std::move(watcher);
  }
  return configs;
}

// Settings that the sandbox can write would be followed by agents on the host and in
// every other sandbox, which is what only `shared` is for.
absl::StatusOr<fs::path> PrivateAgentConfigs::HostDirectory(const Worktree& worktree,
                                                            const AgentConfigPlan& plan) const {
  WM_RETURN_IF_ERROR(Annotate(MakeHostDirectory(plan.host_dir), "the agent's settings"));
  WM_ASSIGN_OR_RETURN(fs::path real, Canonical(plan.host_dir));
  const fs::path state = base_.parent_path();
  if (plan.shared && !IsWithin(real, state) && !IsWithin(state, real)) return real;
  for (const fs::path& exposed :
       {worktree.path, worktree.repository.main_worktree, worktree.repository.common_dir, state}) {
    if (exposed.empty() || !(IsWithin(real, exposed) || IsWithin(exposed, real))) continue;
    return WithHint(
        WithReason(FailedPrecondition("{}: an agent's settings cannot lie in or around {}",
                                      Printable(real.native()), Printable(exposed.native())),
                   "AGENT_DIR_EXPOSED"),
        "Let sandbox.agent_config_dir name a directory outside of repositories.");
  }
  return real;
}

absl::StatusOr<std::vector<Mount>> PrivateAgentConfigs::Prepare(const Worktree& worktree,
                                                                const AgentConfigPlan& plan) {
  WM_ASSIGN_OR_RETURN(const fs::path host_dir, HostDirectory(worktree, plan));
  if (!plan.seed_file.empty()) {
    const bool in_dir = !plan.file_mounts && !plan.seed_dir_target.empty();
    if (in_dir) WM_RETURN_IF_ERROR(MakeHostDirectory(plan.seed_dir));
    WM_RETURN_IF_ERROR(MakeHostSeed(in_dir ? plan.seed_dir / kClaudeFile : plan.seed_file));
  }
  WM_ASSIGN_OR_RETURN(std::vector<Mount> mounts,
                      plan.shared ? Shared(plan, host_dir) : Isolated(worktree, plan, host_dir));
  std::error_code error;
  if (!plan.settings_dir.empty() && fs::is_directory(plan.settings_dir, error)) {
    WM_ASSIGN_OR_RETURN(fs::path real, Canonical(plan.settings_dir));
    mounts.push_back({std::move(real), plan.settings_target, /*writable=*/false});
  }
  return mounts;
}

absl::StatusOr<std::vector<Mount>> PrivateAgentConfigs::Shared(const AgentConfigPlan& plan,
                                                               const fs::path& host_dir) {
  LogInfo("agent config",
          Format("{}: shared with a sandbox, as sandbox.agent_config asks for", host_dir.string()));
  std::vector<Mount> mounts = {{host_dir, plan.target, /*writable=*/true}};
  if (plan.seed_file.empty() || plan.seed_target.empty()) return mounts;
  const bool as_file = plan.file_mounts;
  WM_ASSIGN_OR_RETURN(fs::path seed, Canonical(as_file ? plan.seed_file : plan.seed_dir));
  mounts.push_back(
      {std::move(seed), as_file ? plan.seed_target : plan.seed_dir_target, /*writable=*/true});
  return mounts;
}

absl::StatusOr<std::vector<Mount>> PrivateAgentConfigs::Isolated(const Worktree& worktree,
                                                                 const AgentConfigPlan& plan,
                                                                 const fs::path& host_dir) {
  const DeletesAfterwards afterwards(*this);
  MutexLock lock(files_mu_);
  WM_ASSIGN_OR_RETURN(AgentCopy copy, AgentCopy::Ensure(base_, worktree, plan.profile, host_dir));
  WM_RETURN_IF_ERROR(copy.RefreshSettings());
  WM_RETURN_IF_ERROR(sync_.Refresh(copy));
  std::vector<Mount> mounts = {{copy.dir(), plan.target, /*writable=*/true}};
  WM_ASSIGN_OR_RETURN(std::vector<Mount> settings, copy.SettingsMounts(plan.target));
  mounts.insert(mounts.end(), settings.begin(), settings.end());
  if (plan.seed_file.empty()) return mounts;
  if (plan.seed_target.empty()) {
    WM_RETURN_IF_ERROR(copy.RefreshSeed(plan.seed_file, "dir/.claude.json"));
  } else if (plan.file_mounts) {
    // The agent renames over it, meets EBUSY and writes in place (Claude Code 2.1).
    WM_RETURN_IF_ERROR(copy.RefreshSeed(plan.seed_file, kClaudeFile));
    mounts.push_back({copy.path() / kClaudeFile, plan.seed_target, /*writable=*/true});
  } else {
    WM_RETURN_IF_ERROR(copy.RefreshSeed(plan.seed_dir / kClaudeFile, "claude-config/claude.json"));
    mounts.push_back({copy.path() / "claude-config", plan.seed_dir_target, /*writable=*/true});
  }
  return mounts;
}

std::vector<AgentCopy> PrivateAgentConfigs::CopiesOf(const std::string& group) {
  std::vector<AgentCopy> copies;
  for (const auto& [path, watched] : watched_) {
    std::copy_if(watched.copies.begin(), watched.copies.end(), std::back_inserter(copies),
                 [&](const AgentCopy& copy) { return GroupOf(copy) == group; });
  }
  return copies;
}

void PrivateAgentConfigs::DeleteDiscardedLater() {
  const fs::path place = AgentCopy::DiscardedIn(base_);
  if (HasDiscarded(place)) deletions_.Request(place.string());
}

absl::Status PrivateAgentConfigs::Arm(const std::string& group) {
  if (!watcher_) return absl::OkStatus();
  const std::vector<AgentCopy> copies = CopiesOf(group);
  std::vector<fs::path> dirs;
  std::set<std::string, std::less<>> names;
  for (const AgentCopy& copy : copies) dirs.push_back(copy.dir());
  if (!copies.empty()) {
    dirs.push_back(copies.front().host_dir());
    for (const LoginFile& file : copies.front().files().logins) names.emplace(file.name);
  }
  return watcher_->Set(group, dirs, std::move(names));
}

void PrivateAgentConfigs::Watch(const Worktree& worktree) {
  std::set<std::string> groups;
  {
    MutexLock lock(mu_);
    Watched& watched = watched_[worktree.path];
    ++watched.count;
    watched.worktree = worktree;
    // Also when it is watched already: another agent's copy may be there by now.
    watched.copies = AgentCopy::AllOf(base_, worktree);
    std::erase_if(watched.copies,
                  [](const AgentCopy& copy) { return copy.files().logins.empty(); });
    for (const AgentCopy& copy : watched.copies) groups.insert(GroupOf(copy));
    for (const std::string& group : groups) LogFailure("watching logins", Arm(group));
  }
  // What changed before the watch was there.
  for (const std::string& group : groups) passes_.Request(group);
}

void PrivateAgentConfigs::Unwatch(const Worktree& worktree) {
  std::vector<std::vector<AgentCopy>> groups;
  {
    MutexLock lock(mu_);
    const auto found = watched_.find(worktree.path);
    if (found == watched_.end()) return;
    std::set<std::string> names;
    for (const AgentCopy& copy : found->second.copies) names.insert(GroupOf(copy));
    for (const std::string& name : names) groups.push_back(CopiesOf(name));
    if (--found->second.count == 0) {
      watched_.erase(found);
      for (const std::string& name : names) LogFailure("watching logins", Arm(name));
    }
  }
  for (const std::vector<AgentCopy>& copies : groups) Sync(copies);
}

void PrivateAgentConfigs::Sync(const std::vector<AgentCopy>& copies) {
  const DeletesAfterwards afterwards(*this);
  MutexLock lock(files_mu_);
  sync_.Pass(copies);
}

void PrivateAgentConfigs::Pass(const std::string& group) {
  std::vector<AgentCopy> copies;
  {
    MutexLock lock(mu_);
    copies = CopiesOf(group);
    // The host's directory may be another one by now.
    if (!copies.empty()) LogFailure("watching logins", Arm(group));
  }
  Sync(copies);
}

void PrivateAgentConfigs::StopWatching() {
  std::unique_ptr<LoginWatcher> stopped;
  {
    MutexLock lock(mu_);
    stopped = std::move(watcher_);
  }
  // Joined without the lock, which the watcher's thread takes.
}

absl::Status PrivateAgentConfigs::Discard(const Worktree& worktree) {
  const fs::path root = WorktreeStatePath(base_, worktree);
  absl::Status known = CheckWorktreeState(root, worktree);
  if (absl::IsNotFound(known)) known = CheckRemovedWorktreeState(root, worktree);
  if (absl::IsNotFound(known)) return absl::OkStatus();
  WM_RETURN_IF_ERROR(known);
  {
    MutexLock lock(files_mu_);
    WM_RETURN_IF_ERROR(MoveToStateTrash(root, UnixNow()));
  }
  TidyUp();
  return absl::OkStatus();
}

void PrivateAgentConfigs::TidyUp() {
  DeleteDiscardedLater();
  executor_.Post([base = base_] {
    LogFailure("tidying up agents' settings", TrashOrphans(base, UnixNow()).status());
    LogFailure("emptying the trash", PruneStateTrash(base, UnixNow()).status());
  });
}

}  // namespace workmux::daemon
