#include "daemon/domain/network_reload.h"

#include <fstream>

#include "common/base/status.h"
#include "daemon/adapters/store/sqlite_store.h"
#include "tests/fakes/fake_sandbox.h"
#include "tests/support/catch.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace workmux::daemon {
namespace {

using test::Must;

struct Stage {
  Stage() { std::filesystem::create_directories(dir / "config/workmux"); }
  void Write(std::string_view network) {
    std::ofstream(dir / "config/workmux/config.yaml") << "sandbox:\n  network:\n" << network;
  }
  void Open(const std::string& id, const std::string& agent, bool restricted = true) {
    SessionRecord record;
    record.id = id;
    record.sandbox = "wm-" + id;
    record.agent_profile = agent;
    if (restricted) {
      record.proxy_token = Secret("token");
      record.network_policy.rules = {Must(egress::ParseHostRule("old.example.com", false))};
      REQUIRE_OK(gateway.Open(id, {.token = record.proxy_token, .policy = record.network_policy}));
    }
    directory.Put(record);
    REQUIRE_OK(store->PutSession(record));
  }
  absl::StatusOr<NetworkReload::Result> Run() {
    return reload.Run({.cwd = dir.path(),
                       .env = {{"HOME", dir.path().string()},
                               {"XDG_CONFIG_HOME", (dir / "config").string()},
                               {"XDG_RUNTIME_DIR", dir.path().string()}}});
  }
  std::string RulesOf(const std::string& id) {
    std::string text;
    for (const auto& rule : gateway.open.at(id).policy.rules) text += rule.text() + " ";
    return text;
  }

  test::TempDir dir;
  std::unique_ptr<SqliteStore> store = Must(SqliteStore::Open(dir.path() / "workmux.db"));
  test::SandboxLog calls;
  test::FakeEgressGateway gateway{calls};
  SessionDirectory directory;
  ConfigGate config{*store};
  NetworkReload reload{
      {.config = config, .directory = directory, .records = *store, .egress = gateway}};
};

TEST_CASE("NetworkReload: what the file allows now counts in sandboxes that run, and is kept") {
  Stage stage;
  stage.Open("s1", "codex");
  stage.Open("s2", "pi");
  stage.Open("s3", "codex", /*restricted=*/false);
  stage.Write(
      "    policy: deny\n    allowed_domains: [new.example.com]\n"
      "    presets: [\"{agent}\"]\n    sni: log\n");
  const auto result = Must(stage.Run());
  CHECK(result.sandboxes == 2);
  REQUIRE(result.changes.size() == 2);
  CHECK(result.changes[0].sandbox == "wm-s1");
  CHECK(result.changes[0].added.front() == "new.example.com");
  CHECK(result.changes[0].added.size() == 4);
  CHECK(result.changes[0].removed == std::vector<std::string>{"old.example.com"});
  CHECK(result.changes[1].added == std::vector<std::string>{"new.example.com"});
  REQUIRE(result.warnings.size() == 1);
  CHECK(result.warnings[0] == "wm-s3: its network is open until it is started again");
  CHECK(stage.RulesOf("s2") == "new.example.com ");
  CHECK(stage.gateway.open.at("s1").policy.sni == egress::SniMode::kLog);
  for (const SessionRecord& record : Must(stage.store->LoadSessions())) {
    if (record.id == "s2") CHECK(record.network_policy == stage.gateway.open.at("s2").policy);
  }
  CHECK(stage.directory.Find("s1")->network_policy == stage.gateway.open.at("s1").policy);
  // The same file again changes nothing.
  CHECK(Must(stage.Run()).changes.empty());
}

TEST_CASE("NetworkReload: a file with an error keeps every rule, and says where it is wrong") {
  Stage stage;
  stage.Open("s1", "codex");
  stage.Write("    policy: deny\n    allowed_domains: [\"*.com\"]\n");
  const absl::Status status = stage.Run().status();
  INFO(MessageOf(status));
  CHECK(MessageOf(status).find("config.yaml:4:23: sandbox.network.allowed_domains[0]") !=
        std::string::npos);
  CHECK(stage.RulesOf("s1") == "old.example.com ");
}

TEST_CASE("NetworkReload: what counts from a start on is told and left") {
  Stage stage;
  stage.Open("s1", "codex");
  stage.Write(
      "    policy: deny\n    allowed_domains: [old.example.com]\n"
      "    host_ports: [{name: web, port: 8080}]\n");
  auto result = Must(stage.Run());
  CHECK(result.changes.empty());
  CHECK(result.warnings ==
        std::vector<std::string>{
            "wm-s1: sandbox.network.host_ports counts when it is started again"});
  stage.Write(
      "    policy: deny\n    allowed_domains: [old.example.com]\n"
      "    credentials: [{host: api.example.com, file: ~/key}]\n");
  result = Must(stage.Run());
  CHECK(result.changes.empty());
  CHECK(result.warnings ==
        std::vector<std::string>{
            "wm-s1: sandbox.network.credentials counts when it is started again"});
  CHECK(stage.gateway.open.at("s1").credentials.empty());
  stage.Write("    policy: deny\n    allowed_domains: [old.example.com]\n");
  CHECK(Must(stage.Run()).warnings.empty());
  stage.Write("    policy: allow\n");
  result = Must(stage.Run());
  CHECK(result.changes.empty());
  CHECK(result.warnings ==
        std::vector<std::string>{"wm-s1: it stays restricted until it is started again"});
  CHECK(stage.RulesOf("s1") == "old.example.com ");
}

TEST_CASE("NetworkReload: no host is opened without the credential that allows it") {
  Stage stage;
  stage.Open("s1", "codex");
  stage.Open("s2", "codex");
  SessionRecord with = *stage.directory.Find("s2");
  with.credentials = {{.host = "api.example.com",
                       .header = "authorization",
                       .value = "Bearer {secret}",
                       .file = (stage.dir / "key").string()}};
  stage.directory.Put(with);
  const std::string entry = "    credentials: [{host: api.example.com, file: ~/key}]\n";
  stage.Write("    policy: deny\n    allowed_domains: [old.example.com]\n" + entry);
  auto result = Must(stage.Run());
  CHECK(stage.RulesOf("s1") == "old.example.com ");
  CHECK(stage.RulesOf("s2") == "old.example.com api.example.com ");
  CHECK(result.warnings ==
        std::vector<std::string>{
            "wm-s1: sandbox.network.credentials counts when it is started again"});
  // One that is gone is taken away.
  stage.Write("    policy: deny\n    allowed_domains: [old.example.com]\n");
  result = Must(stage.Run());
  CHECK(stage.RulesOf("s2") == "old.example.com ");
  // Allowed for itself, it needs none.
  stage.Write("    policy: deny\n    allowed_domains: [api.example.com]\n" + entry);
  result = Must(stage.Run());
  CHECK(stage.RulesOf("s1") == "api.example.com ");
}

}  // namespace
}  // namespace workmux::daemon
