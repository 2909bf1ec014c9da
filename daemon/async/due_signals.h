#pragma once

#include <algorithm>
#include <chrono>
#include <map>
#include <optional>
#include <vector>

namespace workmux::daemon {

// Signals that are held back for a while, so that several of one key become one. A
// value; the caller locks.
template <class Key>
class DueSignals {
 public:
  using Clock = std::chrono::steady_clock;

  // An earlier signal of the key keeps its time.
  void Add(const Key& key, Clock::time_point due) { due_.try_emplace(key, due); }
  void Erase(const Key& key) { due_.erase(key); }

  // When the first is due; nothing without any.
  std::optional<Clock::time_point> Next() const {
    if (due_.empty()) return std::nullopt;
    return std::min_element(due_.begin(), due_.end(),
                            [](const auto& a, const auto& b) { return a.second < b.second; })
        ->second;
  }

  // Those whose time has come, once.
  std::vector<Key> Take(Clock::time_point now) {
    std::vector<Key> ready;
    std::erase_if(due_, [&](const auto& signal) {
      if (signal.second > now) return false;
      ready.push_back(signal.first);
      return true;
    });
    return ready;
  }

 private:
  std::map<Key, Clock::time_point> due_;
};

}  // namespace workmux::daemon
