#include "daemon/domain/mask_guard.h"

#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <set>
#include <utility>

#include "common/base/mutex.h"
#include "common/base/status.h"
#include "common/base/strings.h"

namespace workmux::daemon {
namespace {

namespace fs = std::filesystem;

constexpr std::uint32_t kEvents = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO |
                                  IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR | IN_DONT_FOLLOW;

// Unknown is not the same file.
bool IsThere(const MaskedFile& file) {
  struct stat info {};
  return ::lstat(file.path.c_str(), &info) == 0 && info.st_dev == file.device &&
         info.st_ino == file.inode;
}

}  // namespace

struct MaskGuard::State : std::enable_shared_from_this<MaskGuard::State> {
  State(EventLoop& with_loop, Executor& with_executor, std::vector<MaskedFile> masked,
        OnReplaced replaced, UniqueFd fd)
      : loop(with_loop),
        executor(with_executor),
        files(std::move(masked)),
        on_replaced(std::move(replaced)),
        inotify(std::move(fd)) {}

  // The kernel's descriptor of the events outlives the loop's copy of it.
  void Wait() {
    UniqueFd copy(::dup(inotify.get()));
    auto next = loop.WhenReadable(std::move(copy), [self = weak_from_this()] {
      if (auto state = self.lock()) state->executor.Post([state] { state->Check(); });
    });
    MutexLock lock(mu);
    // What was there has fired, or would be asked to stop by its own callback.
    if (!ended) wait.swap(next);
  }

  void Check() {
    // Which event it was does not matter: what stands there does. An overflow of
    // the queue is an event too.
    alignas(inotify_event) char buffer[16384];
    while (::read(inotify.get(), buffer, sizeof buffer) > 0) {
    }
    for (const MaskedFile& file : files) {
      if (IsThere(file)) continue;
      {
        MutexLock lock(mu);
        if (std::exchange(ended, true)) return;
      }
      on_replaced(file.path);
      return;
    }
    {
      MutexLock lock(mu);
      if (ended) return;
    }
    Wait();
  }

  EventLoop& loop;
  Executor& executor;
  const std::vector<MaskedFile> files;
  const OnReplaced on_replaced;
  const UniqueFd inotify;
  Mutex mu;
  std::unique_ptr<EventLoop::Registration> wait WM_GUARDED_BY(mu);
  bool ended WM_GUARDED_BY(mu) = false;
};

absl::StatusOr<std::unique_ptr<MaskGuard>> MaskGuard::Watch(EventLoop& loop, Executor& executor,
                                                            std::vector<MaskedFile> files,
                                                            OnReplaced on_replaced) {
  UniqueFd inotify(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  if (!inotify.valid()) return ErrnoStatus(errno, "inotify_init1");
  std::set<fs::path> directories;
  for (const MaskedFile& file : files) directories.insert(file.path.parent_path());
  for (const fs::path& directory : directories) {
    if (::inotify_add_watch(inotify.get(), directory.c_str(), kEvents) >= 0) continue;
    return WithHint(WithReason(ErrnoStatus(errno, directory.native()), "WATCH_FAILED"),
                    "raise fs.inotify.max_user_watches with sysctl");
  }
  auto state = std::make_shared<State>(loop, executor, std::move(files), std::move(on_replaced),
                                       std::move(inotify));
  // What was replaced before the watch began makes no event.
  executor.Post([state] { state->Check(); });
  return std::unique_ptr<MaskGuard>(new MaskGuard(std::move(state)));
}

MaskGuard::~MaskGuard() {
  std::unique_ptr<EventLoop::Registration> wait;
  {
    MutexLock lock(state_->mu);
    state_->ended = true;
    wait.swap(state_->wait);
  }
}

}  // namespace workmux::daemon
