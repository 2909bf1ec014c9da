#include "daemon/rpc/socket_keeper.h"

#include <sys/stat.h>

#include <cerrno>
#include <utility>

#include "common/base/status.h"
#include "common/log/log.h"

namespace workmux::daemon {

SocketKeeper::SocketKeeper(EventLoop& loop, Executor& executor, std::filesystem::path socket,
                           Listen listen, std::chrono::milliseconds interval)
    : loop_(loop),
      executor_(executor),
      socket_(std::move(socket)),
      listen_(std::move(listen)),
      interval_(interval) {
  Arm();
}

void SocketKeeper::Arm() {
  std::unique_ptr<EventLoop::Registration> fired;
  MutexLock lock(mu_);
  if (stopped_) return;
  fired =
      std::exchange(timer_, loop_.After(interval_, [this] { executor_.Post([this] { Look(); }); }));
}

void SocketKeeper::Look() {
  {
    MutexLock lock(mu_);
    if (stopped_) return;
  }
  // Another socket in its place belongs to somebody who was sure that we are gone.
  struct stat info {};
  if (::lstat(socket_.c_str(), &info) != 0 && errno == ENOENT) {
    const absl::Status listening = listen_();
    if (listening.ok()) {
      LogWarning("daemon", Format("{} was gone: made anew", socket_.string()));
    } else {
      LogError("daemon", Format("{} is gone: {}", socket_.string(), MessageOf(listening)));
    }
  }
  Arm();
}

void SocketKeeper::Stop() {
  std::unique_ptr<EventLoop::Registration> timer;
  MutexLock lock(mu_);
  stopped_ = true;
  timer = std::move(timer_);
}

}  // namespace workmux::daemon
