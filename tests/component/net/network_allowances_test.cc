#include "daemon/domain/network_allowances.h"

#include "daemon/adapters/store/sqlite_store.h"
#include "tests/fakes/fake_sandbox.h"
#include "tests/fakes/manual_executor.h"
#include "tests/support/catch.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"
#include "tests/support/wait_until.h"

namespace workmux::daemon {
namespace {

using test::Must;

NetworkAllowance Allowed(std::string_view host, const std::string& session = {},
                         std::int64_t until = 0, bool allow_private_ips = false) {
  return {.session = session,
          .rule = Must(egress::ParseHostRule(host, allow_private_ips)),
          .until = until};
}

struct Stage {
  ~Stage() { allowances.Stop(); }
  std::string RulesOf(const std::string& session) {
    std::string text;
    for (const auto& rule : gateway.open.at(session).policy.rules)
      text += rule.text() + (rule.allow_private_ips ? "! " : " ");
    return text;
  }
  void Open(const std::string& session) {
    egress::Policy policy;
    policy.rules = {Must(egress::ParseHostRule("own.example.com", false))};
    REQUIRE_OK(allowances.Open(session, {.token = Secret("t"), .policy = policy}));
  }

  test::TempDir dir;
  std::unique_ptr<SqliteStore> store = Must(SqliteStore::Open(dir.path() / "workmux.db"));
  test::SandboxLog calls;
  test::FakeEgressGateway gateway{calls};
  test::ManualExecutor executor;
  EventLoop loop;
  std::int64_t now = 1000;
  NetworkAllowances allowances{
      {.gateway = gateway, .records = *store, .loop = loop, .executor = executor, .now = [this] {
         return now;
       }}};
};

TEST_CASE("WithAllowances: adds what is for the session and has not ended, narrows nothing") {
  egress::Policy policy;
  policy.rules = {Must(egress::ParseHostRule("a.example.com", true)),
                  Must(egress::ParseHostRule("b.example.com", false))};
  const std::vector<NetworkAllowance> allowances = {Allowed("a.example.com"),
                                                    Allowed("b.example.com", "", 0, true),
                                                    Allowed("c.example.com"),
                                                    Allowed("d.example.com", "other"),
                                                    Allowed("e.example.com", "mine", 100),
                                                    Allowed("f.example.com", "mine", 101)};
  const egress::Policy merged = WithAllowances(policy, allowances, "mine", 100);
  REQUIRE(merged.rules.size() == 4);
  CHECK(merged.rules[0].allow_private_ips);
  CHECK(merged.rules[1].allow_private_ips);
  CHECK(merged.rules[2].text() == "c.example.com");
  CHECK(merged.rules[3].text() == "f.example.com");
}

TEST_CASE("NetworkAllowances: count at once in open sandboxes and in later ones") {
  Stage stage;
  stage.Open("s1");
  CHECK(Must(stage.allowances.Allow(Allowed("*.x.example.com"))) == 1);
  CHECK(stage.RulesOf("s1") == "own.example.com *.x.example.com ");
  CHECK(Must(stage.allowances.Allow(Allowed("y.example.com", "s1"))) == 1);
  stage.Open("s2");
  CHECK(stage.RulesOf("s1") == "own.example.com *.x.example.com y.example.com ");
  CHECK(stage.RulesOf("s2") == "own.example.com *.x.example.com ");
  CHECK(ReasonOf(stage.allowances.Allow(Allowed("y.example.com", "open")).status()) ==
        "NETWORK_NOT_RESTRICTED");
  CHECK(Must(stage.allowances.Revoke("s2", "y.example.com")).empty());
  CHECK(Must(stage.allowances.Revoke("", "y.example.com")).size() == 1);
  CHECK(Must(stage.allowances.Revoke("", "*.x.example.com")).size() == 1);
  CHECK(stage.RulesOf("s1") == "own.example.com ");
  CHECK(stage.RulesOf("s2") == "own.example.com ");
  CHECK(Must(stage.store->LoadAllowances()).empty());
}

TEST_CASE("NetworkAllowances: end with their sandbox and at their time") {
  Stage stage;
  stage.Open("s1");
  REQUIRE_OK(stage.allowances.Allow(Allowed("mine.example.com", "s1")));
  stage.allowances.Close("s1");
  CHECK(stage.allowances.List().empty());
  CHECK(Must(stage.store->LoadAllowances()).empty());
  stage.Open("s2");
  REQUIRE_OK(stage.allowances.Allow(Allowed("short.example.com", "", 1001)));
  CHECK(stage.RulesOf("s2") == "own.example.com short.example.com ");
  stage.now = 1001;
  // The timer's job finds that it is over.
  REQUIRE(test::WaitUntil([&] { return stage.executor.RunAll() > 0; }));
  CHECK(stage.RulesOf("s2") == "own.example.com ");
  CHECK(Must(stage.store->LoadAllowances()).empty());
}

TEST_CASE("NetworkAllowances: outlive the daemon; those of sandboxes that are gone do not") {
  Stage stage;
  stage.Open("s1");
  REQUIRE_OK(stage.allowances.Allow(Allowed("all.example.com", "", 0, true)));
  REQUIRE_OK(stage.allowances.Allow(Allowed("mine.example.com", "s1", 5000)));
  REQUIRE_OK(stage.store->PutAllowance(Allowed("theirs.example.com", "gone")));
  REQUIRE_OK(stage.store->PutAllowance(Allowed("over.example.com", "", 999)));
  test::SandboxLog calls;
  test::FakeEgressGateway gateway(calls);
  NetworkAllowances next({.gateway = gateway,
                          .records = *stage.store,
                          .loop = stage.loop,
                          .executor = stage.executor,
                          .now = [&] { return stage.now; }});
  REQUIRE_OK(next.Load());
  REQUIRE_OK(next.Open("s1", {.token = Secret("t")}));
  next.DropForGone();
  const auto& rules = gateway.open.at("s1").policy.rules;
  REQUIRE(rules.size() == 2);
  CHECK(rules[0] == Allowed("all.example.com", "", 0, true).rule);
  CHECK(rules[1].text() == "mine.example.com");
  CHECK(Must(stage.store->LoadAllowances()).size() == 2);
  next.Stop();
}

}  // namespace
}  // namespace workmux::daemon
