#include "daemon/adapters/tmux/focus_watch.h"

#include <unistd.h>

#include <atomic>
#include <chrono>
#include <stop_token>
#include <utility>

#include "common/base/format.h"

namespace workmux::daemon {
namespace {

// Far above what a person numbers hooks with: ours replaces no other.
constexpr char kHook[] = "client-focus-in[8773]";
constexpr std::chrono::hours kForever{24 * 365};

// A signal nobody waited for stays on its channel, so each watch has its own.
std::string NewChannel() {
  static std::atomic<unsigned> last{0};
  return Format("workmux-focus-{}-{}", ::getpid(), ++last);
}

}  // namespace

FocusWatch::FocusWatch(TmuxConnection& connection, CommandRunner& runner,
                       std::function<void()> on_focus)
    : connection_(connection), channel_(NewChannel()) {
  (void)connection_.CallOne({"set-hook", "-g", kHook, "wait-for -S " + channel_});
  const Command wait = connection_.ProcessFor({{"wait-for", channel_}});
  waiter_ =
      std::jthread([wait, &runner, on_focus = std::move(on_focus)](const std::stop_token& stop) {
        while (!stop.stop_requested()) {
          RunOptions options;
          options.stop = stop;
          options.timeout = kForever;
          const auto result = runner.Run(wait, options);
          if (!result.ok() || !result->exit.ok()) return;
          if (!stop.stop_requested()) on_focus();
        }
      });
}

FocusWatch::~FocusWatch() {
  waiter_.request_stop();
  (void)connection_.Call({{"set-hook", "-gu", kHook}, {"wait-for", "-S", channel_}});
}

}  // namespace workmux::daemon
