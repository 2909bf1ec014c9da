#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/mutex.h"
#include "daemon/domain/session_record.h"

namespace workmux::daemon {

// The sessions that exist now, by id. Thread-safe; holds no lock across calls.
class SessionDirectory {
 public:
  void Put(const SessionRecord& record) {
    MutexLock lock(mu_);
    sessions_[record.id] = record;
  }
  // Of a session that exists still; what it is then, else nullopt.
  std::optional<SessionRecord> SetPolicy(std::string_view id, const egress::Policy& policy) {
    MutexLock lock(mu_);
    const auto found = sessions_.find(id);
    if (found == sessions_.end()) return std::nullopt;
    found->second.network_policy = policy;
    return found->second;
  }
  void Erase(std::string_view id) {
    MutexLock lock(mu_);
    if (const auto found = sessions_.find(id); found != sessions_.end()) sessions_.erase(found);
  }
  std::optional<SessionRecord> Find(std::string_view id) const {
    MutexLock lock(mu_);
    const auto found = sessions_.find(id);
    return found == sessions_.end() ? std::nullopt : std::optional(found->second);
  }
  std::vector<SessionRecord> All() const {
    MutexLock lock(mu_);
    std::vector<SessionRecord> records;
    for (const auto& [id, record] : sessions_) records.push_back(record);
    return records;
  }

 private:
  mutable Mutex mu_;
  std::map<std::string, SessionRecord, std::less<>> sessions_ WM_GUARDED_BY(mu_);
};

}  // namespace workmux::daemon
