#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "common/base/mutex.h"
#include "daemon/async/executor.h"
#include "daemon/domain/session_directory.h"
#include "daemon/egress/decision.h"
#include "daemon/ports/network_records.h"

namespace workmux::daemon {

// Takes down what the proxy decides. What it is told is queued and written by another
// thread, all that waits in one transaction. What comes faster than a sandbox may, or
// than it can be written, is counted and told as one event. Thread-safe.
class NetworkLog : public egress::Observer {
 public:
  struct Limits {
    std::size_t queue = 4096;
    // Of one sandbox in one second.
    unsigned refusals = 20;
    unsigned others = 100;
  };
  static std::int64_t UnixMilliseconds();
  struct Deps {
    NetworkRecords& records;
    Executor& executor;  // must outlive this, and run what it was given
    const SessionDirectory& directory;
    egress::Observer& followers;  // is told what is taken down
    std::function<std::int64_t()> now = &UnixMilliseconds;
  };
  explicit NetworkLog(Deps deps) : NetworkLog(std::move(deps), Limits()) {}
  NetworkLog(Deps deps, const Limits& limits);
  ~NetworkLog() override;  // writes what is left

  void Decided(const egress::Decision& decision) override;
  void Ended(const egress::Ending& ending) override;

  // Everything that was told before the call is in the records after it. Writes on the
  // caller's thread when no other does.
  void Flush();

 private:
  // What one sandbox did in one second.
  struct Window {
    std::int64_t second = 0;
    unsigned refusals = 0;
    unsigned others = 0;
    std::uint64_t omitted = 0;
  };
  bool Take(NetworkEvent event);
  bool Admit(const NetworkEvent& event) WM_REQUIRES(mu_);
  void SettleWindows(bool running_too) WM_REQUIRES(mu_);
  void Drain() WM_REQUIRES(mu_);  // lets go of the lock while it writes
  void WriteBatch(std::vector<NetworkEvent> batch, std::uint64_t lost);

  const Deps deps_;
  const Limits limits_;
  Mutex mu_;
  CondVar changed_;
  std::vector<NetworkEvent> queue_ WM_GUARDED_BY(mu_);
  std::uint64_t lost_ WM_GUARDED_BY(mu_) = 0;
  std::map<std::string, Window> windows_ WM_GUARDED_BY(mu_);
  bool scheduled_ WM_GUARDED_BY(mu_) = false;
  bool writing_ WM_GUARDED_BY(mu_) = false;
  std::map<std::string, std::string> names_;  // of sessions; of the writer alone
};

}  // namespace workmux::daemon
