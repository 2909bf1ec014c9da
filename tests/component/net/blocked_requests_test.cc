#include "daemon/domain/blocked_requests.h"

#include <string>
#include <vector>

#include "daemon/adapters/store/sqlite_store.h"
#include "tests/support/catch.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"
#include "tests/support/wait_until.h"

namespace workmux::daemon {
namespace {

using test::Must;
using test::WaitUntil;

class Log : public egress::Observer {
 public:
  void Decided(const egress::Decision&) override { ++decisions; }
  void Ended(const egress::Ending&) override { ++endings; }
  int decisions = 0;
  int endings = 0;
};

struct Stage {
  void Decide(const std::string& host, std::string_view reason, bool allowed = false) {
    egress::Decision decision;
    decision.session = "s1";
    decision.host = host;
    decision.reason = std::string(reason);
    decision.allowed = allowed;
    blocked.Decided(decision);
  }

  Log log;
  EventLoop loop;
  std::int64_t now = 1000;
  BlockedRequests blocked{{.next = log,
                           .loop = loop,
                           .now = [this] { return now; },
                           .pause = std::chrono::milliseconds(100)}};
};

TEST_CASE("BlockedRequests: counts what a rule forbade, not what the network failed at") {
  Stage stage;
  stage.Decide("a.example.com", egress::reason::kHostNotAllowed);
  stage.Decide("b.example.com", egress::reason::kNotResolved);
  stage.Decide("c.example.com", egress::reason::kNotConnected);
  stage.Decide("d.example.com", egress::reason::kTooSlow);
  stage.Decide("e.example.com", "", /*allowed=*/true);
  stage.Decide("f.example.com", egress::reason::kOtherServerName, /*allowed=*/true);
  stage.now = 1001;
  stage.Decide("g.example.com", egress::reason::kPrivateAddress);
  const auto blocked = stage.blocked.Of("s1");
  REQUIRE(blocked);
  CHECK(blocked->count == 2);
  CHECK(blocked->last_host == "g.example.com");
  CHECK(blocked->last_reason == "private-address");
  CHECK(blocked->last == 1001);
  CHECK_FALSE(stage.blocked.Of("s2"));
  // Everything is handed on.
  stage.blocked.Ended({});
  CHECK(stage.log.decisions == 7);
  CHECK(stage.log.endings == 1);
  stage.blocked.Forget("s1");
  CHECK_FALSE(stage.blocked.Of("s1"));
}

TEST_CASE("BlockedRequests: watchers are told at once, then what gathered in a pause together") {
  Stage stage;
  Mutex mu;
  std::vector<std::uint64_t> told;
  const auto look = [&] {
    const MutexLock lock(mu);
    return told;
  };
  auto subscription = stage.blocked.Subscribe([&](const std::string& session, const auto& blocked) {
    const MutexLock lock(mu);
    CHECK(session == "s1");
    told.push_back(blocked.count);
  });
  for (int i = 0; i < 500; ++i) stage.Decide("a.example.com", egress::reason::kHostNotAllowed);
  CHECK(look().front() == 1);
  REQUIRE(WaitUntil([&] { return look().back() == 500; }));
  CHECK(look().size() < 50);
  // After a pause in which nothing happened the next one is told at once again.
  const auto quiet = std::chrono::steady_clock::now() + std::chrono::milliseconds(500);
  REQUIRE(WaitUntil([&] { return std::chrono::steady_clock::now() > quiet; }));
  stage.Decide("a.example.com", egress::reason::kHostNotAllowed);
  CHECK(look().back() == 501);
  subscription.reset();
  const std::size_t before = look().size();
  stage.Decide("a.example.com", egress::reason::kHostNotAllowed);
  CHECK(look().size() == before);
}

TEST_CASE("BlockedRequests: go on from the records of an earlier daemon") {
  Stage stage;
  test::TempDir dir;
  const auto store = Must(SqliteStore::Open(dir.path() / "workmux.db"));
  std::vector<NetworkEvent> events(4);
  for (NetworkEvent& event : events) {
    event.session = event.sandbox = "s1";
    event.kind = NetworkEvent::Kind::kRefused;
    event.host = "a.example.com";
    event.reason = std::string(egress::reason::kHostNotAllowed);
    event.milliseconds = 900'500;
  }
  events[1].reason = std::string(egress::reason::kNotResolved);
  events[2].session = events[2].sandbox = "s2";
  REQUIRE_OK(store->AppendEvents(events));
  REQUIRE_OK(stage.blocked.Load(*store, "s1"));
  REQUIRE_OK(stage.blocked.Load(*store, "none"));
  CHECK(stage.blocked.Of("s1")->count == 2);
  CHECK(stage.blocked.Of("s1")->last == 900);
  CHECK_FALSE(stage.blocked.Of("none"));
  stage.Decide("b.example.com", egress::reason::kHostNotAllowed);
  CHECK(stage.blocked.Of("s1")->count == 3);
}

}  // namespace
}  // namespace workmux::daemon
