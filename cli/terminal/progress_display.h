#pragma once

#include <condition_variable>
#include <string>
#include <string_view>
#include <thread>

#include "cli/terminal/terminal.h"
#include "common/base/mutex.h"

namespace workmux::cli {

// Shows on the error output what is being done, once it has taken half a second:
// a spinner on a terminal, a line for each step elsewhere. Thread-safe.
class ProgressDisplay {
 public:
  explicit ProgressDisplay(Terminal& terminal) : terminal_(terminal) {}
  ~ProgressDisplay() { Finish(); }
  ProgressDisplay(const ProgressDisplay&) = delete;
  ProgressDisplay& operator=(const ProgressDisplay&) = delete;

  void SetTitle(std::string_view title) { SetTitle(title, {}); }
  // `detail`: what changes too often for anything but a terminal.
  void SetTitle(std::string_view title, std::string_view detail);
  // A line that stays, above the spinner.
  void PrintLine(std::string_view line);
  void PrintWarning(std::string_view message);
  // Removes the spinner; idempotent. A later SetTitle starts anew.
  void Finish();

 private:
  void Animate();
  void Draw(std::size_t frame) WM_REQUIRES(mu_);
  void Clear() WM_REQUIRES(mu_);

  Terminal& terminal_;
  Mutex mu_;
  CondVar changed_;
  std::string title_ WM_GUARDED_BY(mu_);
  std::string detail_ WM_GUARDED_BY(mu_);
  std::string shown_title_ WM_GUARDED_BY(mu_);
  bool drawn_ WM_GUARDED_BY(mu_) = false;
  bool finished_ WM_GUARDED_BY(mu_) = false;
  std::thread animator_;
};

}  // namespace workmux::cli
