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

TEST_CASE("CredentialsToText: rules come back whole, and what are none do not", "[network]") {
  const std::vector<egress::CredentialRule> rules = {{.host = "api.example.com",
                                                      .header = "authorization",
                                                      .value = "Bearer {secret}",
                                                      .file = "/home/u/a \"b\"\\ü",
                                                      .command = {},
                                                      .variable = "KEY",
                                                      .allow = {}},
                                                     {.host = "b.example.com",
                                                      .header = "x-api-key",
                                                      .value = "{secret}",
                                                      .file = "",
                                                      .command = {"pass", "show", "a\nb", ""},
                                                      .variable = "",
                                                      .allow = {{"*", "/v1/*/x"}, {"GET", "/**"}}}};
  const std::string text = CredentialsToText(rules);
  CHECK(Must(CredentialsFromText(text)) == rules);
  CHECK(CredentialsToText({}).empty());
  CHECK(Must(CredentialsFromText("")).empty());
  const std::string one = CredentialsToText({rules[0]});
  CHECK(Must(CredentialsFromText(one)).size() == 1);
  const auto with = [&one](std::string_view from, std::string_view to) {
    std::string changed = one;
    const auto at = changed.find(from);
    REQUIRE(at != std::string::npos);
    return changed.replace(at, from.size(), to);
  };
  for (const std::string& broken :
       {std::string("{}"), std::string("[1]"), std::string("[{}]"), std::string("["),
        with("api.example.com", "API.example.com"), with("Bearer {secret}", "Bearer"),
        with("/home", "home"), with("\"command\":[]", "\"command\":[\"x\"]"),
        with("\"allow\":[]", "\"allow\":[\"GET\"]"), with("\"allow\":[]", "\"allow\":[1]"),
        with("\"KEY\"", "1"), with("\"KEY\"", "\"a-b\"")}) {
    INFO(broken);
    CHECK(absl::IsDataLoss(CredentialsFromText(broken).status()));
  }
}

TEST_CASE("PolicyFrom: a credential's host is allowed, by its own rule when there is one",
          "[network]") {
  NetworkConfig config;
  config.allowed_domains = {Must(egress::ParseHostRule("*.example.com", false)),
                            Must(egress::ParseHostRule("m.example.org", true))};
  config.credentials = {{.host = "a.example.com"}, {.host = "m.example.org"}, {.host = "b.org"}};
  const egress::Policy policy = Must(PolicyFrom(config, "claude"));
  REQUIRE(policy.rules.size() == 3);
  CHECK(policy.rules[1].allow_private_ips);
  CHECK(policy.rules[2] == egress::HostRule{.host = "b.org"});
}

namespace {

constexpr char kCredentials[] =
    "    credentials:\n"
    "      - {host: api.example.net, file: ~/.keys/a, env: API_KEY}\n"
    "      - {host: www.example.com, command: [pass, x], header: x-key}\n";

struct WithCredentials : SessionWorld {
  WithCredentials() {
    test::WriteFile(dir / "home/.config/workmux/config.yaml", std::string(kDeny) + kCredentials);
  }
};

}  // namespace

TEST_CASE(
    "SessionManager: credentials stay with the proxy, which gets an authority of the "
    "sandbox's own",
    "[network]") {
  WithCredentials w;
  const std::string id = w.MustOpen();
  const EgressGateway::Grant& grant = w.egress.open.at(id);
  REQUIRE(grant.credentials.size() == 2);
  CHECK(grant.credentials[0].file == (w.dir / "home/.keys/a").string());
  CHECK(grant.authority.Reveal() == "authority of api.example.net");
  CHECK(FindRule(grant.policy.rules, "api.example.net") != nullptr);
  const Env& env = w.container.prepared.env;
  CHECK(env.at("API_KEY") == "kept-by-workmux");
  CHECK(env.at("SSL_CERT_FILE") == "/run/workmux/bridge/certificates.pem");
  CHECK(env.at("NODE_EXTRA_CA_CERTS") == "/run/workmux/bridge/authority.pem");
  for (const auto& [name, value] : env) {
    INFO(name);
    CHECK(value.find("authority of") == std::string::npos);
    CHECK(value.find(".keys") == std::string::npos);
  }
}

TEST_CASE("SessionManager: the next daemon opens the same proxy with the same authority",
          "[network]") {
  WithCredentials w;
  const std::string id = w.MustOpen();
  w.manager->BeginShutdown();
  w.Restart();
  test::WriteFile(w.dir / "home/.config/workmux/config.yaml", "sandbox: {enabled: true}\n");
  REQUIRE_OK(w.manager->Restore());
  const EgressGateway::Grant& grant = w.egress.open.at(id);
  CHECK(grant.credentials.size() == 2);
  CHECK(grant.authority.Reveal() == "authority of api.example.net");
  CHECK(w.log.Count("new-authority") == 1);
}

TEST_CASE("SessionManager: without an authority there is no sandbox", "[network]") {
  WithCredentials w;
  w.log.failures["new-authority"] = absl::InternalError("no key");
  CHECK_FALSE(w.Open().ok());
  w.executor.RunAll();
  CHECK(w.NothingLeft());
}

TEST_CASE(
    "SessionManager: a credential in a variable of workmux' own or of the engine's client "
    "makes no sandbox",
    "[network]") {
  const std::string name = GENERATE(as<std::string>(), "WM_RPC_TOKEN", "DOCKER_HOST", "HOME");
  SessionWorld w;
  test::WriteFile(
      w.dir / "home/.config/workmux/config.yaml",
      std::string(kDeny) + "    credentials: [{host: a.com, file: /k, env: " + name + "}]\n");
  const auto opened = w.Open();
  CHECK(ReasonOf(opened.status()) == "ENV_NAME_REFUSED");
  CHECK(MessageOf(opened.status()).starts_with("sandbox.network.credentials[0].env: "));
  CHECK(w.NothingLeft());
}

TEST_CASE("SessionManager: credentials of an open sandbox have no effect, and it is told",
          "[network]") {
  SessionWorld w;
  test::WriteFile(w.dir / "home/.config/workmux/config.yaml",
                  "sandbox:\n  enabled: true\n  network:\n" + std::string(kCredentials));
  w.MustOpen();
  REQUIRE(w.progress.warnings.size() == 1);
  CHECK(w.progress.warnings[0] ==
        "sandbox.network.credentials has no effect while sandbox.network.policy is allow");
  CHECK_FALSE(w.container.prepared.env.contains("API_KEY"));
  CHECK_FALSE(w.container.prepared.env.contains("SSL_CERT_FILE"));
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

namespace {

struct Firewalled : SessionWorld {
  Firewalled() {
    test::WriteFile(dir / "home/.config/workmux/config.yaml",
                    std::string(kDeny) + "    enforcement: firewall\n  rpc_host: elsewhere\n");
  }
};

}  // namespace

TEST_CASE("SessionManager: behind a firewall proxy and bridge are two ports of one address",
          "[network]") {
  Firewalled w;
  const std::string id = w.MustOpen();
  CHECK(w.egress.open.at(id).tcp_address == "172.17.0.1");
  CHECK(w.bridge.open.at(id).second.tcp_address == "172.17.0.1");
  const SandboxSpec& spec = w.container.prepared;
  CHECK(spec.network == SandboxNetwork::kFirewalled);
  CHECK(spec.env.at("HTTPS_PROXY") ==
        "http://workmux:" + w.egress.open.at(id).token.Reveal() + "@172.17.0.1:4712");
  CHECK(spec.env.at("NO_PROXY") == "localhost,127.0.0.1,::1,172.17.0.1");
  CHECK(spec.env.at("WM_RPC_HOST") == "172.17.0.1");
  CHECK(spec.env.at("WM_RESTRICTED") == "1");
  CHECK(spec.env.at("WM_FIREWALL") == "172.17.0.1");
  CHECK(spec.env.at("WM_RELAY") == "5432=port-database.sock");
  CHECK(spec.env.at("WM_RPC_PORT") == Format("{}", spec.firewall.bridge_port));
  CHECK(w.gates.open.at(id).first == w.dir / "run/s" / id / "firewall.sock");

  // It is put up once the sandbox asks, without a word of its secrets.
  CHECK(w.container.walled.name.empty());
  CHECK_OK(w.gates.Ask(id));
  CHECK(w.container.walled.name == spec.name);
  CHECK(w.container.walled.firewall.address == "172.17.0.1");
  CHECK(w.container.walled.firewall.proxy_port == 4712);
  CHECK(w.container.walled.env.empty());
  CHECK(NetworkOf(w.directory->All().at(0)) == SandboxNetwork::kFirewalled);
}

TEST_CASE("SessionManager: the next daemon opens a firewalled sandbox's ports, and no gate",
          "[network]") {
  Firewalled w;
  const std::string id = w.MustOpen();
  w.manager->BeginShutdown();
  w.Restart();
  REQUIRE_OK(w.manager->Restore());
  CHECK(w.egress.open.at(id).tcp_address == "172.17.0.1");
  CHECK(w.egress.open.at(id).tcp_port == 4712);
  CHECK_FALSE(w.gates.Ask(id).ok());
}

TEST_CASE("SessionManager: without an address or a gate for its firewall there is no sandbox",
          "[network]") {
  const std::string failing = GENERATE(as<std::string>(), "firewall-address", "open-gate");
  Firewalled w;
  w.log.failures[failing] = absl::FailedPreconditionError("none");
  CHECK_FALSE(w.Open().ok());
  w.executor.RunAll();
  CHECK(w.NothingLeft());
}

TEST_CASE("SessionManager: an open sandbox has none of it", "[network]") {
  SessionWorld w;
  w.MustOpen();
  CHECK(w.egress.open.empty());
  CHECK(w.container.prepared.network == SandboxNetwork::kOpen);
  for (const char* name : {"SSL_CERT_FILE", "HTTPS_PROXY", "WM_RELAY", "WM_RESTRICTED"})
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
