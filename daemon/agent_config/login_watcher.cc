#include "daemon/agent_config/login_watcher.h"

#include <sys/inotify.h>

#include <algorithm>
#include <cerrno>

#include "common/base/status.h"

namespace workmux::daemon {
namespace {

namespace fs = std::filesystem;

// Agents write their login in place or rename a new file over it.
constexpr std::uint32_t kMask = IN_MOVED_TO | IN_CLOSE_WRITE | IN_ONLYDIR | IN_EXCL_UNLINK;

}  // namespace

absl::StatusOr<std::unique_ptr<LoginWatcher>> LoginWatcher::Start(
    OnChanged on_changed, std::chrono::milliseconds debounce, std::chrono::milliseconds pause) {
  std::unique_ptr<LoginWatcher> watcher(new LoginWatcher(std::move(on_changed), debounce, pause));
  WM_ASSIGN_OR_RETURN(watcher->thread_, InotifyThread::StartFor(*watcher));
  return watcher;
}

absl::Status LoginWatcher::Set(const std::string& group, const std::vector<fs::path>& dirs,
                               std::set<std::string, std::less<>> names) {
  MutexLock lock(mu_);
  std::set<int> watches;
  absl::Status status;
  for (const fs::path& dir : dirs) {
    // The same directory again gives the same descriptor.
    const int descriptor = ::inotify_add_watch(thread_->fd(), dir.c_str(), kMask);
    if (descriptor >= 0) {
      watches.insert(descriptor);
    } else {
      status = WithHint(WithReason(ResourceExhausted("{}: cannot be watched: {}", dir.string(),
                                                     MessageOf(ErrnoStatus(errno, "inotify"))),
                                   "WATCH_FAILED"),
                        "raise fs.inotify.max_user_watches with sysctl");
    }
  }
  std::set<int> old;
  if (const auto found = groups_.find(group); found != groups_.end()) {
    old.swap(found->second.watches);
  }
  if (watches.empty()) {
    groups_.erase(group);
    due_.Erase(group);
  } else {
    groups_[group].watches = watches;
    groups_[group].names = std::move(names);
  }
  for (const int descriptor : old) {
    const bool used = std::any_of(groups_.begin(), groups_.end(), [&](const auto& one) {
      return one.second.watches.contains(descriptor);
    });
    if (!used) ::inotify_rm_watch(thread_->fd(), descriptor);
  }
  return status;
}

std::optional<InotifyThread::Clock::time_point> LoginWatcher::NextDue() {
  MutexLock lock(mu_);
  return due_.Next();
}

void LoginWatcher::Note(const InotifyThread::Event& event) {
  MutexLock lock(mu_);
  const bool overflow = (event.mask & IN_Q_OVERFLOW) != 0;
  for (auto& [key, group] : groups_) {
    const bool meant = group.watches.contains(event.descriptor) && group.names.contains(event.name);
    // The directory is gone: the number may stand for another one soon.
    if ((event.mask & IN_IGNORED) != 0) group.watches.erase(event.descriptor);
    if (overflow || meant)
      due_.Add(key, std::max(InotifyThread::Clock::now() + debounce_, group.quiet_until));
  }
}

void LoginWatcher::Deliver() {
  std::vector<std::string> ready;
  {
    MutexLock lock(mu_);
    const auto now = InotifyThread::Clock::now();
    ready = due_.Take(now);
    for (const std::string& name : ready) {
      if (const auto group = groups_.find(name); group != groups_.end())
        group->second.quiet_until = now + pause_;
    }
  }
  for (const std::string& group : ready) on_changed_(group);
}

}  // namespace workmux::daemon
