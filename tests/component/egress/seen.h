#pragma once

#include <functional>
#include <vector>

#include "common/base/mutex.h"
#include "daemon/egress/decision.h"
#include "tests/support/catch.h"
#include "tests/support/wait_until.h"

namespace workmux::test {

// What a proxy told, kept.
class Seen : public egress::Observer {
 public:
  void Decided(const egress::Decision& decision) override {
    if (before) before();
    const MutexLock lock(mu_);
    decisions_.push_back(decision);
  }
  void Ended(const egress::Ending& ending) override {
    const MutexLock lock(mu_);
    endings_.push_back(ending);
  }
  std::vector<egress::Decision> decisions() {
    const MutexLock lock(mu_);
    return decisions_;
  }
  std::vector<egress::Ending> endings() {
    const MutexLock lock(mu_);
    return endings_;
  }
  egress::Decision Last() {
    REQUIRE(WaitUntil([&] { return !decisions().empty(); }));
    return decisions().back();
  }
  std::function<void()> before;  // a decision is taken down

 private:
  Mutex mu_;
  std::vector<egress::Decision> decisions_ WM_GUARDED_BY(mu_);
  std::vector<egress::Ending> endings_ WM_GUARDED_BY(mu_);
};

}  // namespace workmux::test
