#include "daemon/agent_config/login_watcher.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "common/base/status.h"

namespace workmux::daemon {
namespace {

namespace fs = std::filesystem;

// Agents write their login in place or rename a new file over it.
constexpr std::uint32_t kMask = IN_MOVED_TO | IN_CLOSE_WRITE | IN_ONLYDIR | IN_EXCL_UNLINK;

}  // namespace

absl::StatusOr<std::unique_ptr<LoginWatcher>> LoginWatcher::Start(
    OnChanged on_changed, std::chrono::milliseconds debounce, std::chrono::milliseconds pause) {
  UniqueFd inotify(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  if (!inotify.valid()) return ErrnoStatus(errno, "inotify_init1");
  UniqueFd wake(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (!wake.valid()) return ErrnoStatus(errno, "eventfd");
  std::unique_ptr<LoginWatcher> watcher(new LoginWatcher(std::move(on_changed), debounce, pause,
                                                         std::move(inotify), std::move(wake)));
  watcher->thread_ = std::thread([raw = watcher.get()] { raw->Run(); });
  return watcher;
}

LoginWatcher::LoginWatcher(OnChanged on_changed, std::chrono::milliseconds debounce,
                           std::chrono::milliseconds pause, UniqueFd inotify, UniqueFd wake)
    : on_changed_(std::move(on_changed)),
      debounce_(debounce),
      pause_(pause),
      inotify_(std::move(inotify)),
      wake_(std::move(wake)) {}

LoginWatcher::~LoginWatcher() {
  {
    MutexLock lock(mu_);
    stopping_ = true;
  }
  ::eventfd_write(wake_.get(), 1);
  if (thread_.joinable()) thread_.join();
}

absl::Status LoginWatcher::Set(const std::string& group, const std::vector<fs::path>& dirs,
                               std::set<std::string, std::less<>> names) {
  MutexLock lock(mu_);
  std::set<int> watches;
  absl::Status status;
  for (const fs::path& dir : dirs) {
    // The same directory again gives the same descriptor.
    const int descriptor = ::inotify_add_watch(inotify_.get(), dir.c_str(), kMask);
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
    due_.erase(group);
  } else {
    groups_[group].watches = watches;
    groups_[group].names = std::move(names);
  }
  for (const int descriptor : old) {
    const bool used = std::any_of(groups_.begin(), groups_.end(), [&](const auto& one) {
      return one.second.watches.contains(descriptor);
    });
    if (!used) ::inotify_rm_watch(inotify_.get(), descriptor);
  }
  return status;
}

void LoginWatcher::Run() {
  for (;;) {
    pollfd fds[] = {{inotify_.get(), POLLIN, 0}, {wake_.get(), POLLIN, 0}};
    if (::poll(fds, 2, WaitTime()) < 0 && errno != EINTR) return;
    {
      MutexLock lock(mu_);
      if (stopping_) return;
    }
    Drain();
    Deliver();
  }
}

// Milliseconds until the first signal is due; -1: nothing is.
int LoginWatcher::WaitTime() {
  MutexLock lock(mu_);
  if (due_.empty()) return -1;
  const auto first = std::min_element(
      due_.begin(), due_.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(first->second - Steady::now());
  return static_cast<int>(std::max<std::int64_t>(left.count(), 0));
}

// One buffer at a time, so that a flood cannot keep signals back.
void LoginWatcher::Drain() {
  alignas(inotify_event) char buffer[16384];
  const ssize_t size = ::read(inotify_.get(), buffer, sizeof buffer);
  for (ssize_t at = 0; at < size;) {
    inotify_event event;
    std::memcpy(&event, buffer + at, sizeof event);
    const char* text = buffer + at + sizeof event;
    const std::string_view name(text, event.len == 0 ? 0 : ::strnlen(text, event.len));
    at += static_cast<ssize_t>(sizeof event + event.len);
    Note(event.wd, event.mask, name);
  }
}

void LoginWatcher::Note(int descriptor, std::uint32_t mask, std::string_view name) {
  MutexLock lock(mu_);
  const bool overflow = (mask & IN_Q_OVERFLOW) != 0;
  for (auto& [key, group] : groups_) {
    const bool meant = group.watches.contains(descriptor) && group.names.contains(name);
    // The directory is gone: the number may stand for another one soon.
    if ((mask & IN_IGNORED) != 0) group.watches.erase(descriptor);
    if (overflow || meant)
      due_.try_emplace(key, std::max(Steady::now() + debounce_, group.quiet_until));
  }
}

void LoginWatcher::Deliver() {
  std::vector<std::string> ready;
  {
    MutexLock lock(mu_);
    const auto now = Steady::now();
    for (auto at = due_.begin(); at != due_.end();) {
      if (at->second > now) {
        ++at;
        continue;
      }
      if (const auto group = groups_.find(at->first); group != groups_.end())
        group->second.quiet_until = now + pause_;
      ready.push_back(at->first);
      at = due_.erase(at);
    }
  }
  for (const std::string& group : ready) on_changed_(group);
}

}  // namespace workmux::daemon
