#include "cli/terminal/progress_display.h"

#include <array>
#include <chrono>
#include <csignal>

#include "common/base/format.h"
#include "common/base/strings.h"

namespace workmux::cli {
namespace {

constexpr std::chrono::milliseconds kPatience{500};
constexpr std::chrono::milliseconds kFrame{100};
constexpr std::array<const char*, 10> kFrames = {"⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"};

}  // namespace

void ProgressDisplay::SetTitle(std::string_view title, std::string_view detail) {
  MutexLock lock(mu_);
  title_ = Printable(title);
  detail_ = detail.empty() ? std::string() : Format(" ({})", Printable(detail));
  finished_ = false;
  if (!animator_.joinable()) animator_ = std::thread([this] { Animate(); });
}

void ProgressDisplay::PrintLine(std::string_view line) {
  MutexLock lock(mu_);
  Clear();
  terminal_.Err(PrintableLines(line) + "\n");
}

void ProgressDisplay::PrintWarning(std::string_view message) {
  MutexLock lock(mu_);
  Clear();
  terminal_.PrintWarning(message);
}

void ProgressDisplay::Finish() {
  {
    MutexLock lock(mu_);
    finished_ = true;
    changed_.notify_all();
  }
  if (animator_.joinable()) animator_.join();
  MutexLock lock(mu_);
  Clear();
}

void ProgressDisplay::Animate() {
  // The main thread waits for signals by itself.
  sigset_t all;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_BLOCK, &all, nullptr);
  MutexLock lock(mu_);
  const auto is_finished = [this]() WM_REQUIRES(mu_) { return finished_; };
  if (changed_.wait_for(mu_, kPatience, is_finished)) return;
  std::size_t frame = 0;
  do {
    Draw(frame++);
  } while (!changed_.wait_for(mu_, kFrame, is_finished));
}

void ProgressDisplay::Draw(std::size_t frame) {
  if (!terminal_.err_is_tty()) {
    if (title_ == shown_title_) return;
    shown_title_ = title_;
    terminal_.Err(title_ + "\n");
    return;
  }
  drawn_ = true;
  const std::string_view symbol = kFrames[frame % kFrames.size()];
  const std::string colored =
      terminal_.color() ? Format("\x1b[36m{}\x1b[0m", symbol) : std::string(symbol);
  // Without automatic wrapping (DECAWM, xterm's control sequences): a line that is too
  // long for the terminal would leave one more behind with each frame.
  terminal_.Err(Format("\r\x1b[?7l{} {}{}\x1b[K\x1b[?7h", colored, title_, detail_));
}

void ProgressDisplay::Clear() {
  if (!drawn_) return;
  drawn_ = false;
  terminal_.Err("\r\x1b[K");
}

}  // namespace workmux::cli
