#include "daemon/domain/network_log.h"

#include "daemon/adapters/store/sqlite_store.h"
#include "tests/fakes/manual_executor.h"
#include "tests/support/catch.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace workmux::daemon {
namespace {

using test::Must;
using Kind = NetworkEvent::Kind;

class Follower : public egress::Observer {
 public:
  void Decided(const egress::Decision&) override { ++decisions; }
  void Ended(const egress::Ending&) override { ++endings; }
  int decisions = 0;
  int endings = 0;
};

struct Stage {
  explicit Stage(const NetworkLog::Limits& limits = NetworkLog::Limits())
      : log({.records = *store,
             .executor = executor,
             .directory = directory,
             .followers = follower,
             .now = [this] { return now; }},
            limits) {
    SessionRecord record;
    record.id = "s1";
    record.sandbox = "wm-docs-s1";
    directory.Put(record);
  }
  ~Stage() { executor.RunAll(); }
  void Refuse(const std::string& session, const std::string& reason = "host-not-allowed",
              const std::string& detail = {}) {
    egress::Decision decision;
    decision.session = session;
    decision.host = "evil.example.com";
    decision.reason = reason;
    decision.detail = detail;
    log.Decided(decision);
  }
  std::vector<NetworkEvent> Events(const NetworkRecords::EventQuery& query = {}) {
    executor.RunAll();
    return Must(store->Events(query));
  }

  test::TempDir dir;
  std::unique_ptr<SqliteStore> store = Must(SqliteStore::Open(dir.path() / "workmux.db"));
  test::ManualExecutor executor;
  SessionDirectory directory;
  Follower follower;
  std::int64_t now = 1'790'000'000'000;
  NetworkLog log;
};

TEST_CASE("NetworkLog: decisions and ends come back in their order, with the sandbox's name") {
  Stage stage;
  egress::Decision allowed;
  allowed.session = "s1";
  allowed.host = "api.example.com";
  allowed.allowed = true;
  allowed.rule = "*.example.com";
  allowed.detail = "192.0.2.7";
  stage.log.Decided(allowed);
  egress::Ending ending;
  ending.session = "s1";
  ending.host = "api.example.com";
  ending.bytes_up = 12;
  ending.bytes_down = 5'000'000'000;
  ending.milliseconds = 1500;
  stage.log.Ended(ending);
  stage.Refuse("gone");
  const auto events = stage.Events();
  REQUIRE(events.size() == 3);
  CHECK(events[0].kind == Kind::kAllowed);
  CHECK(events[0].sandbox == "wm-docs-s1");
  CHECK(events[0].rule == "*.example.com");
  CHECK(events[0].detail == "192.0.2.7");
  CHECK(events[0].milliseconds == stage.now);
  CHECK(events[1].kind == Kind::kEnded);
  CHECK(events[1].bytes_up == 12);
  CHECK(events[1].bytes_down == 5'000'000'000);
  CHECK(events[1].lasted == 1500);
  CHECK(events[2].kind == Kind::kRefused);
  CHECK(events[2].sandbox == "gone");
  CHECK(events[2].reason == "host-not-allowed");
  CHECK(stage.Events({.sandbox = "wm-docs-s1"}).size() == 2);
  CHECK(stage.Events({.host = "evil.example.com"}).size() == 1);
  CHECK(stage.Events({.limit = 1})[0].sandbox == "gone");
  CHECK(stage.Events({.after = events[0].id, .limit = 1})[0].kind == Kind::kEnded);
  CHECK(stage.follower.decisions == 2);
  CHECK(stage.follower.endings == 1);
}

TEST_CASE("NetworkLog: a flood of one sandbox is counted, another's requests are recorded") {
  Stage stage;
  for (int i = 0; i < 10'000; ++i) stage.Refuse("s1");
  stage.Refuse("s2");
  CHECK(stage.follower.decisions == 21);
  CHECK(stage.executor.waiting() == 1);
  CHECK(stage.Events({.limit = 1000}).size() == 21);
  stage.now += 1000;
  stage.Refuse("s2");
  const auto events = stage.Events({.sandbox = "s1", .limit = 1000});
  REQUIRE(events.size() == 21);
  CHECK(events.back().kind == Kind::kOmitted);
  CHECK(events.back().count == 9980);
  // Who looks sees those of the running second too, and its limit stays.
  for (int i = 0; i < 100; ++i) stage.Refuse("s2");
  stage.log.Flush();
  stage.Refuse("s2");
  stage.log.Flush();
  const auto others = Must(stage.store->Events({.sandbox = "s2", .limit = 1000}));
  REQUIRE(others.size() == 1 + 20 + 2);
  CHECK(others[21].count == 81);
  CHECK(others[22].count == 1);
}

TEST_CASE("NetworkLog: what the writer is too slow for is counted") {
  Stage stage({.queue = 10, .refusals = 1000, .others = 1000});
  for (int i = 0; i < 15; ++i) stage.Refuse("s1");
  const auto events = stage.Events();
  REQUIRE(events.size() == 11);
  CHECK(events.back().kind == Kind::kOmitted);
  CHECK(events.back().session.empty());
  CHECK(events.back().count == 5);
}

TEST_CASE("NetworkLog: what a client wrote into its hello is recorded as a name or not at all") {
  Stage stage;
  stage.Refuse("s1", "other-server-name", "Other.example.org");
  stage.Refuse("s1", "other-server-name", "; rm -rf ~ #");
  const auto events = stage.Events();
  REQUIRE(events.size() == 2);
  CHECK(events[0].detail == "other.example.org");
  CHECK(events[1].detail == "no host name");
}

TEST_CASE("SqliteStore: old events of the network go, one sandbox's before another's") {
  Stage stage;
  NetworkEvent event;
  event.session = "quiet";
  REQUIRE_OK(stage.store->AppendEvents({&event, 1}));
  event.session = "loud";
  const std::vector<NetworkEvent> batch(500, event);
  for (int i = 0; i < 24; ++i) REQUIRE_OK(stage.store->AppendEvents(batch));
  const auto loud = stage.Events({.sandbox = "loud", .limit = 100'000});
  CHECK(loud.size() >= 2000);
  CHECK(loud.size() < 2500);
  CHECK(loud.back().id == 12'001);
  CHECK(stage.Events({.sandbox = "quiet"}).size() == 1);
}

}  // namespace
}  // namespace workmux::daemon
