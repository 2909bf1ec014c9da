#pragma once

#include <string_view>

namespace workmux::daemon {

// Receives what a person may want to see while long work goes on. Called from
// the worker thread that does the work.
class ProgressSink {
 public:
  virtual ~ProgressSink() = default;
  virtual void Step(std::string_view step, std::string_view title) = 0;
  // How far the last step is; changes many times a second, for a terminal only.
  virtual void Detail(std::string_view /*text*/) {}
  virtual void Warn(std::string_view message) = 0;
  virtual void Output(std::string_view line, bool is_stderr) = 0;
};

}  // namespace workmux::daemon
