#pragma once

#include <functional>
#include <utility>
#include <vector>

namespace workmux::daemon {

// Undoes the steps of a failed operation in reverse order, unless it was kept.
class Rollback {
 public:
  Rollback() = default;
  ~Rollback() {
    while (!undo_.empty()) {
      undo_.back()();
      undo_.pop_back();
    }
  }
  Rollback(const Rollback&) = delete;
  Rollback& operator=(const Rollback&) = delete;

  void Add(std::function<void()> undo) { undo_.push_back(std::move(undo)); }
  void Keep() { undo_.clear(); }

 private:
  std::vector<std::function<void()>> undo_;
};

}  // namespace workmux::daemon
