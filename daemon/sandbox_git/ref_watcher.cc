#include "daemon/sandbox_git/ref_watcher.h"

#include <fcntl.h>
#include <sys/inotify.h>

#include <algorithm>

#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/io/file.h"

namespace workmux::daemon {
namespace {

namespace fs = std::filesystem;

// Git moves a ref by renaming its lock file over it and deletes it by unlinking;
// shells and other tools write in place. New directories must be watched too.
constexpr std::uint32_t kMask = IN_MOVED_TO | IN_DELETE | IN_CLOSE_WRITE | IN_CREATE | IN_ONLYDIR |
                                IN_EXCL_UNLINK | IN_DELETE_SELF;
constexpr int kMaxDepth = 16;
constexpr std::size_t kMaxWatches = 4096;

}  // namespace

absl::StatusOr<std::unique_ptr<RefWatcher>> RefWatcher::Start(OnMoved on_moved,
                                                              std::chrono::milliseconds debounce) {
  std::unique_ptr<RefWatcher> watcher(new RefWatcher(std::move(on_moved), debounce));
  WM_ASSIGN_OR_RETURN(watcher->thread_, InotifyThread::StartFor(*watcher));
  return watcher;
}

absl::Status RefWatcher::Watch(const Worktree& worktree, const PrivateGitDir& dir) {
  MutexLock lock(mu_);
  Drop(dir.path());
  Subject& subject = subjects_[dir.path()];
  subject.common_dir = worktree.repository.common_dir;
  if (!worktree.branch.empty()) subject.branch_ref = "refs/heads/" + worktree.branch;
  WM_RETURN_IF_ERROR(Arm({dir.path(), Side::kGuest}, subject));
  return Arm({dir.path(), Side::kHost}, subject);
}

void RefWatcher::Forget(const fs::path& key) {
  MutexLock lock(mu_);
  Drop(key);
}

void RefWatcher::Drop(const fs::path& key) {
  subjects_.erase(key);
  for (const Side side : {Side::kGuest, Side::kHost}) {
    due_.Erase({key, side});
    rearm_.erase({key, side});
  }
  for (auto at = watches_.begin(); at != watches_.end();) {
    std::erase_if(at->second, [&](const Target& target) { return target.first == key; });
    if (at->second.empty()) {
      ::inotify_rm_watch(thread_->fd(), at->first);
      at = watches_.erase(at);
    } else {
      ++at;
    }
  }
}

// False when there is no such directory. The guest's links are not followed.
bool RefWatcher::Add(const fs::path& root, const fs::path& below, const Target& target) {
  const absl::StatusOr<UniqueFd> dir = OpenBeneath(root, below, O_PATH | O_DIRECTORY);
  if (!dir.ok() || watches_.size() >= kMaxWatches) return false;
  const std::string path = Format("/proc/self/fd/{}", dir->get());
  const int descriptor = ::inotify_add_watch(thread_->fd(), path.c_str(), kMask);
  if (descriptor < 0) return false;
  std::vector<Target>& targets = watches_[descriptor];
  if (std::find(targets.begin(), targets.end(), target) == targets.end()) targets.push_back(target);
  return true;
}

void RefWatcher::ArmHost(const fs::path& dir, const Target& target, int depth) {
  if (!Add(dir, ".", target) || depth == kMaxDepth) return;
  std::error_code error;
  for (fs::directory_iterator at(dir, error); !error && at != fs::directory_iterator();
       at.increment(error)) {
    if (at->symlink_status(error).type() == fs::file_type::directory)
      ArmHost(at->path(), target, depth + 1);
  }
}

absl::Status RefWatcher::Arm(const Target& target, const Subject& subject) {
  const bool guest = target.second == Side::kGuest;
  const fs::path& root = guest ? target.first : subject.common_dir;
  if (!Add(root, ".", target)) {  // packed-refs, and refs itself being replaced
    return WithHint(
        WithReason(ResourceExhausted("{}: cannot be watched", root.string()), "WATCH_FAILED"),
        "raise fs.inotify.max_user_watches with sysctl");
  }
  if (!guest) {
    ArmHost(root / "refs", target, 0);
    Add(root, "reftable", target);
    return absl::OkStatus();
  }
  fs::path below;
  for (const fs::path& part : fs::path(subject.branch_ref).parent_path()) {
    below /= part;
    if (!Add(root, below, target)) break;  // armed again when it is made
  }
  return absl::OkStatus();
}

std::optional<InotifyThread::Clock::time_point> RefWatcher::NextDue() {
  MutexLock lock(mu_);
  return due_.Next();
}

void RefWatcher::Note(const InotifyThread::Event& event) {
  if (event.name.ends_with(".lock")) return;
  const std::uint32_t mask = event.mask;
  // A plain file that was created says nothing until it is closed or renamed.
  if ((mask & IN_CREATE) != 0 && (mask & IN_ISDIR) == 0) return;
  const bool arm = (mask & (IN_ISDIR | IN_IGNORED | IN_Q_OVERFLOW)) != 0;
  MutexLock lock(mu_);
  std::vector<Target> targets;
  if ((mask & IN_Q_OVERFLOW) != 0) {
    for (const auto& [key, subject] : subjects_) {
      targets.push_back({key, Side::kGuest});
      targets.push_back({key, Side::kHost});
    }
  } else if (const auto at = watches_.find(event.descriptor); at != watches_.end()) {
    targets = at->second;
    if ((mask & IN_IGNORED) != 0) watches_.erase(at);
  }
  for (const Target& target : targets) {
    due_.Add(target, InotifyThread::Clock::now() + debounce_);
    if (arm) rearm_[target] = true;
  }
}

void RefWatcher::Deliver() {
  std::vector<Target> ready;
  {
    MutexLock lock(mu_);
    ready = due_.Take(InotifyThread::Clock::now());
    for (const Target& target : ready) {
      const auto subject = subjects_.find(target.first);
      // Armed before the receiver looks, so that nothing falls between.
      if (rearm_.erase(target) > 0 && subject != subjects_.end())
        Arm(target, subject->second).IgnoreError();
    }
  }
  for (const Target& target : ready) on_moved_(target.first, target.second);
}

}  // namespace workmux::daemon
