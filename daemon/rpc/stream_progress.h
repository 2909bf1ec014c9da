#pragma once

#include <string>
#include <utility>

#include "daemon/domain/progress.h"
#include "daemon/rpc/stream_call.h"

namespace workmux::daemon {

// Progress, warnings and output as events of a stream. An event that has no
// output shows it as a step.
template <class Event>
class StreamProgress : public ProgressSink {
 public:
  explicit StreamProgress(StreamCall<Event>& stream) : stream_(stream) {}

  void Step(std::string_view step, std::string_view title) override {
    step_ = step;
    title_ = title;
    SendProgress({});
  }
  void Detail(std::string_view text) override { SendProgress(text); }
  void Warn(std::string_view message) override {
    Event event;
    event.mutable_warning()->set_message(std::string(message));
    stream_.Send(std::move(event));
  }
  void Output(std::string_view line, bool is_stderr) override {
    if constexpr (requires(Event event) { event.mutable_output(); }) {
      Event event;
      event.mutable_output()->set_text(std::string(line));
      event.mutable_output()->set_is_stderr(is_stderr);
      stream_.Send(std::move(event));
    } else {
      Step("output", line);
    }
  }

 private:
  void SendProgress(std::string_view detail) {
    Event event;
    event.mutable_progress()->set_step(step_);
    event.mutable_progress()->set_title(title_);
    event.mutable_progress()->set_detail(std::string(detail));
    stream_.Send(std::move(event));
  }

  StreamCall<Event>& stream_;
  std::string step_;
  std::string title_;
};

}  // namespace workmux::daemon
