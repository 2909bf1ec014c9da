#include "daemon/domain/shared_pulls.h"

#include <condition_variable>
#include <optional>
#include <set>
#include <thread>
#include <utility>

#include "common/base/status.h"

namespace workmux::daemon {

// Its lock is held while the sinks are told: they never block.
class SharedPulls::Flight : public ProgressSink {
 public:
  explicit Flight(const PullFn& pull)
      : worker_([this, pull](const std::stop_token& stop) {
          absl::Status status = pull(*this, stop);
          MutexLock lock(mu_);
          result_ = std::move(status);
          changed_.notify_all();
        }) {}

  void Join(ProgressSink& sink) {
    MutexLock lock(mu_);
    sinks_.insert(&sink);
    if (!title_.empty()) sink.Step(step_, title_);
  }

  // True when nobody is left, or nothing is left to wait for.
  bool Leave(ProgressSink& sink) {
    MutexLock lock(mu_);
    sinks_.erase(&sink);
    if (sinks_.empty()) worker_.request_stop();
    return sinks_.empty() || result_.has_value();
  }

  absl::Status Wait(const std::stop_token& stop) {
    std::stop_callback wake(stop, [this] {
      MutexLock lock(mu_);
      changed_.notify_all();
    });
    MutexLock lock(mu_);
    while (!result_ && !stop.stop_requested()) changed_.wait(mu_);
    return result_ ? *result_ : Cancelled("interrupted");
  }

  void Step(std::string_view step, std::string_view title) override {
    MutexLock lock(mu_);
    step_ = step;
    title_ = title;
    for (ProgressSink* sink : sinks_) sink->Step(step, title);
  }
  void Detail(std::string_view text) override {
    MutexLock lock(mu_);
    for (ProgressSink* sink : sinks_) sink->Detail(text);
  }
  void Warn(std::string_view message) override {
    MutexLock lock(mu_);
    for (ProgressSink* sink : sinks_) sink->Warn(message);
  }
  void Output(std::string_view line, bool is_stderr) override {
    MutexLock lock(mu_);
    for (ProgressSink* sink : sinks_) sink->Output(line, is_stderr);
  }

 private:
  Mutex mu_;
  CondVar changed_;
  std::set<ProgressSink*> sinks_ WM_GUARDED_BY(mu_);
  std::string step_ WM_GUARDED_BY(mu_);
  std::string title_ WM_GUARDED_BY(mu_);
  std::optional<absl::Status> result_ WM_GUARDED_BY(mu_);
  std::jthread worker_;  // last: it uses all of the above
};

absl::Status SharedPulls::Run(const std::string& key, const PullFn& pull, ProgressSink& progress,
                              const std::stop_token& stop) {
  // The last to let go of it joins its thread.
  std::shared_ptr<Flight> flight;
  {
    MutexLock lock(mu_);
    std::shared_ptr<Flight>& current = flights_[key];
    if (!current) current = std::make_shared<Flight>(pull);
    flight = current;
    flight->Join(progress);
  }
  absl::Status status = flight->Wait(stop);
  std::shared_ptr<Flight> unlisted;
  MutexLock lock(mu_);
  if (!flight->Leave(progress)) return status;
  if (const auto found = flights_.find(key); found != flights_.end() && found->second == flight) {
    unlisted = std::move(found->second);
    flights_.erase(found);
  }
  return status;
}

}  // namespace workmux::daemon
