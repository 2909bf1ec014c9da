#include "daemon/domain/mask_guard.h"

#include <fcntl.h>
#include <sys/inotify.h>
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

}  // namespace

struct MaskGuard::State : std::enable_shared_from_this<MaskGuard::State> {
  State(EventLoop& with_loop, Executor& with_executor, std::vector<MaskedFile> masked,
        OnReplaced replaced, UniqueFd fd)
      : loop(with_loop),
        executor(with_executor),
        files(std::move(masked)),
        on_replaced(std::move(replaced)),
        inotify(std::move(fd)) {}

  // One job after another: a wait that fires at once runs Check on another thread,
  // whose own wait must not be replaced by this one.
  void Wait() {
    // The kernel's descriptor of the events outlives the loop's copy of it.
    UniqueFd copy(::dup(inotify.get()));
    MutexLock lock(mu);
    if (ended) return;
    // What was there has fired. Its callback takes no lock.
    wait = loop.WhenReadable(std::move(copy), [self = weak_from_this()] {
      if (auto state = self.lock()) state->executor.Post([state] { state->Check(); });
    });
  }

  void Check() {
    // Which event it was does not matter: what stands there does. An overflow of
    // the queue is an event too.
    alignas(inotify_event) char buffer[16384];
    while (::read(inotify.get(), buffer, sizeof buffer) > 0) {
    }
    for (const MaskedFile& file : files) {
      if (IsStillThere(file)) continue;
      {
        MutexLock lock(mu);
        if (std::exchange(ended, true)) return;
      }
      on_replaced(file.path);
      return;
    }
    Wait();
  }

  EventLoop& loop;
  Executor& executor;
  const std::vector<MaskedFile> files;
  const OnReplaced on_replaced;
  const UniqueFd inotify;
  // A file that is kept open keeps its inode number from being given to another.
  std::vector<UniqueFd> kept;
  Mutex mu;
  std::unique_ptr<EventLoop::Registration> wait WM_GUARDED_BY(mu);
  bool ended WM_GUARDED_BY(mu) = false;
};

absl::StatusOr<std::unique_ptr<MaskGuard>> MaskGuard::Watch(EventLoop& loop, Executor& executor,
                                                            std::vector<MaskedFile> files,
                                                            OnReplaced on_replaced) {
  UniqueFd inotify(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  if (!inotify.valid()) {
    return WithHint(WithReason(ErrnoStatus(errno, "inotify_init1"), "WATCH_FAILED"),
                    "raise fs.inotify.max_user_instances with sysctl");
  }
  std::set<fs::path> directories;
  for (const MaskedFile& file : files) directories.insert(file.path.parent_path());
  for (const fs::path& directory : directories) {
    if (::inotify_add_watch(inotify.get(), directory.c_str(), kEvents) >= 0) continue;
    return WithHint(WithReason(ErrnoStatus(errno, directory.native()), "WATCH_FAILED"),
                    "raise fs.inotify.max_user_watches with sysctl");
  }
  auto state = std::make_shared<State>(loop, executor, std::move(files), std::move(on_replaced),
                                       std::move(inotify));
  for (const MaskedFile& file : state->files)
    state->kept.emplace_back(::open(file.path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
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
