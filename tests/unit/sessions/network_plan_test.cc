#include "daemon/domain/network_plan.h"

#include "tests/fakes/session_world.h"
#include "tests/support/catch.h"

namespace workmux::daemon {
namespace {

using test::Must;
using test::SessionWorld;

constexpr char kDeny[] =
    "sandbox:\n  enabled: true\n  network:\n    policy: deny\n    presets: [\"{agent}\"]\n"
    "    allowed_domains: [www.example.com, {host: m.example.com, allow_private_ips: true}]\n"
    "    host_ports: [{name: database, port: 5432}]\n";

struct Restricted : SessionWorld {
  Restricted() { test::WriteFile(dir / "home/.config/workmux/config.yaml", kDeny); }
};

}  // namespace

TEST_CASE("PolicyToText: a policy comes back whole, and what is none does not", "[network]") {
  egress::Policy policy;
  policy.sni = egress::SniMode::kLog;
  policy.rules = {Must(egress::ParseHostRule("*.example.com", false)),
                  Must(egress::ParseHostRule("m.example.com", true))};
  const egress::Policy back = Must(PolicyFromText(PolicyToText(policy)));
  CHECK(back.sni == policy.sni);
  CHECK(back.rules == policy.rules);
  CHECK(Must(PolicyFromText("enforce")).rules.empty());
  for (const char* text : {"", "maybe", "enforce\n*.com", "enforce\n", "off\na b"}) {
    INFO(text);
    CHECK(absl::IsDataLoss(PolicyFromText(text).status()));
  }
}

TEST_CASE("SessionManager: a restricted sandbox has a proxy of its own and no TCP bridge",
          "[network]") {
  Restricted w;
  const std::string id = w.MustOpen();
  REQUIRE(w.egress.open.contains(id));
  const EgressGateway::Grant& grant = w.egress.open.at(id);
  CHECK(grant.socket == w.dir / "run/s" / id / "proxy.sock");
  CHECK(grant.tcp_address.empty());
  CHECK(FindRule(grant.policy.rules, "www.example.com") != nullptr);
  CHECK(FindRule(grant.policy.rules, "api.anthropic.com") != nullptr);  // of the agent
  CHECK(FindRule(grant.policy.rules, "m.example.com")->allow_private_ips);
  CHECK(FindRule(grant.policy.rules, "api.openai.com") == nullptr);
  CHECK(w.bridge.open.at(id).second.tcp_address.empty());
  const SandboxSpec& spec = w.container.prepared;
  CHECK(spec.network == SandboxNetwork::kIsolated);
  CHECK(spec.env.at("HTTPS_PROXY") == "http://workmux:" + grant.token.Reveal() + "@127.0.0.1:3128");
  CHECK(spec.env.at("WM_RELAY") == "3128=proxy.sock\t3127=bridge.sock\t5432=port-database.sock");
  CHECK(grant.services == std::vector<egress::HostPort>{{"database", 5432}});
  CHECK(spec.env.at("WM_RPC_HOST") == "127.0.0.1");
  CHECK(spec.env.at("WM_RPC_PORT") == "3127");
  CHECK(spec.env.at("WM_RESTRICTED") == "1");
}

TEST_CASE("SessionManager: an agent without a preset is told at the start", "[network]") {
  Restricted w;
  w.MustOpen();
  CHECK(w.progress.warnings.empty());
  SessionRequest request = w.Request();
  request.agent = "pi";
  REQUIRE_OK(w.manager->Open(request, w.progress, {}));
  REQUIRE(w.progress.warnings.size() == 1);
  CHECK(w.progress.warnings[0].starts_with("sandbox.network.presets: pi has no preset"));
}

TEST_CASE("SessionManager: an open sandbox has none of it", "[network]") {
  SessionWorld w;
  w.MustOpen();
  CHECK(w.egress.open.empty());
  CHECK(w.container.prepared.network == SandboxNetwork::kOpen);
  for (const char* name : {"HTTPS_PROXY", "WM_RELAY", "WM_RESTRICTED"})
    CHECK_FALSE(w.container.prepared.env.contains(name));
}

TEST_CASE("SessionManager: what the user's own proxy settings say does not count inside",
          "[network]") {
  Restricted w;
  test::WriteFile(
      w.dir / "home/.config/workmux/config.yaml",
      std::string(kDeny) + "  env: {https_proxy: http://evil, ALL_PROXY: socks5://evil}\n");
  w.MustOpen();
  const Env& env = w.container.prepared.env;
  CHECK(env.at("https_proxy") == env.at("HTTPS_PROXY"));
  CHECK_FALSE(env.contains("ALL_PROXY"));
}

TEST_CASE("SessionManager: the next daemon opens the same proxy, with what was frozen",
          "[network]") {
  Restricted w;
  const std::string id = w.MustOpen();
  const std::string token = w.egress.open.at(id).token.Reveal();
  w.manager->BeginShutdown();
  w.Restart();
  test::WriteFile(w.dir / "home/.config/workmux/config.yaml", "sandbox: {enabled: true}\n");
  REQUIRE_OK(w.manager->Restore());
  REQUIRE(w.egress.open.contains(id));
  CHECK(w.egress.open.at(id).token.Reveal() == token);
  CHECK(FindRule(w.egress.open.at(id).policy.rules, "www.example.com") != nullptr);
}

TEST_CASE("SessionManager: a backend that cannot be restricted makes no sandbox", "[network]") {
  Restricted w;
  w.log.failures["network"] = absl::FailedPreconditionError("cannot");
  const auto opened = w.Open();
  CHECK(ReasonOf(opened.status()) == "NETWORK_NOT_RESTRICTABLE");
  CHECK(w.NothingLeft());
}

TEST_CASE("SessionManager: a proxy that does not open undoes everything", "[network]") {
  Restricted w;
  w.log.failures["open-proxy"] = absl::UnavailableError("no socket");
  CHECK_FALSE(w.Open().ok());
  w.executor.RunAll();
  CHECK(w.NothingLeft());
}

}  // namespace workmux::daemon
