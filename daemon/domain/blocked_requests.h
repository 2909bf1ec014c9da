#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "common/base/clock.h"
#include "common/base/mutex.h"
#include "daemon/async/event_loop.h"
#include "daemon/egress/decision.h"
#include "daemon/ports/network_records.h"

namespace workmux::daemon {

// Counts what restricted sandboxes were refused by a rule, and tells those who watch.
// Stands before the log and hands everything on to it: what the log leaves out counts
// too. Thread-safe.
class BlockedRequests : public egress::Observer {
 public:
  struct Deps {
    egress::Observer& next;
    EventLoop& loop;
    std::function<std::int64_t()> now = &UnixNow;  // unix seconds
    std::chrono::milliseconds pause{1000};         // between two words about a sandbox
  };
  struct Blocked {
    std::uint64_t count = 0;
    std::string last_host;
    std::string last_reason;
    std::int64_t last = 0;  // unix seconds
  };
  explicit BlockedRequests(Deps deps) : deps_(std::move(deps)) {}
  ~BlockedRequests() override;

  void Decided(const egress::Decision& decision) override;
  void Ended(const egress::Ending& ending) override { deps_.next.Ended(ending); }

  // Of an earlier daemon, as far as the records go back.
  absl::Status Load(NetworkRecords& records, const std::string& session);
  std::optional<Blocked> Of(std::string_view session) const;
  // The session has ended.
  void Forget(std::string_view session);

  using Watcher = std::function<void(const std::string& session, const Blocked& blocked)>;
  class Subscription {
   public:
    Subscription(BlockedRequests& blocked, std::uint64_t id) : blocked_(blocked), id_(id) {}
    ~Subscription();
    Subscription(const Subscription&) = delete;
    Subscription& operator=(const Subscription&) = delete;

   private:
    BlockedRequests& blocked_;
    const std::uint64_t id_;
  };
  // Called under our lock, of each change to come; must not block or call back.
  std::unique_ptr<Subscription> Subscribe(Watcher watcher);

 private:
  void Publish() WM_REQUIRES(mu_);

  const Deps deps_;
  mutable Mutex mu_;
  std::map<std::string, Blocked, std::less<>> blocked_ WM_GUARDED_BY(mu_);
  std::set<std::string, std::less<>> untold_ WM_GUARDED_BY(mu_);
  std::map<std::uint64_t, Watcher> watchers_ WM_GUARDED_BY(mu_);
  std::uint64_t next_watcher_ WM_GUARDED_BY(mu_) = 0;
  std::unique_ptr<EventLoop::Registration> timer_ WM_GUARDED_BY(mu_);
  bool waiting_ WM_GUARDED_BY(mu_) = false;
};

}  // namespace workmux::daemon
