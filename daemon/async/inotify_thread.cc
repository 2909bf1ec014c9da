#include "daemon/async/inotify_thread.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "common/base/status.h"

namespace workmux::daemon {

absl::StatusOr<std::unique_ptr<InotifyThread>> InotifyThread::Start(Receiver receiver) {
  UniqueFd inotify(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  if (!inotify.valid()) return ErrnoStatus(errno, "inotify_init1");
  UniqueFd wake(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (!wake.valid()) return ErrnoStatus(errno, "eventfd");
  std::unique_ptr<InotifyThread> started(
      new InotifyThread(std::move(receiver), std::move(inotify), std::move(wake)));
  started->thread_ = std::thread([raw = started.get()] { raw->Run(); });
  return started;
}

InotifyThread::InotifyThread(Receiver receiver, UniqueFd inotify, UniqueFd wake)
    : receiver_(std::move(receiver)), inotify_(std::move(inotify)), wake_(std::move(wake)) {}

InotifyThread::~InotifyThread() {
  stopping_ = true;
  ::eventfd_write(wake_.get(), 1);
  if (thread_.joinable()) thread_.join();
}

void InotifyThread::Run() {
  for (;;) {
    pollfd fds[] = {{inotify_.get(), POLLIN, 0}, {wake_.get(), POLLIN, 0}};
    if (::poll(fds, 2, WaitTime()) < 0 && errno != EINTR) return;
    if (stopping_) return;
    ReadEvents();
    receiver_.on_due();
  }
}

// Milliseconds; -1: nothing is due.
int InotifyThread::WaitTime() const {
  const std::optional<Clock::time_point> due = receiver_.next_due();
  if (!due) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(*due - Clock::now());
  return static_cast<int>(std::max<std::int64_t>(left.count(), 0));
}

void InotifyThread::ReadEvents() {
  alignas(inotify_event) char buffer[16384];
  const ssize_t size = ::read(inotify_.get(), buffer, sizeof buffer);
  for (ssize_t at = 0; at < size;) {
    inotify_event event;
    std::memcpy(&event, buffer + at, sizeof event);
    const char* text = buffer + at + sizeof event;
    const std::string_view name(text, event.len == 0 ? 0 : ::strnlen(text, event.len));
    at += static_cast<ssize_t>(sizeof event + event.len);
    receiver_.on_event({event.wd, event.mask, name});
  }
}

}  // namespace workmux::daemon
