#include "daemon/config/config_layer.h"
#include "tests/support/catch.h"
#include "tests/support/status_matchers.h"

namespace workmux::daemon {
namespace {

struct Outcome {
  NetworkConfig network;
  std::string error;
  std::vector<std::string> warnings;
};

Outcome Build(const std::string& network, std::string_view project = "") {
  Outcome outcome;
  const auto config = BuildConfig(ConfigText{"g", "sandbox:\n  network:\n" + network},
                                  ConfigText{"p", std::string(project)}, outcome.warnings);
  if (config.ok()) {
    outcome.network = config->sandbox.network;
  } else {
    outcome.error = MessageOf(config.status());
  }
  return outcome;
}

}  // namespace

TEST_CASE("Network configuration: names, wildcards and private opt-ins are read", "[config]") {
  const Outcome outcome = Build(
      "    policy: deny\n    sni: log\n    enforcement: isolated\n    presets: [claude, "
      "\"{agent}\"]\n"
      "    allowed_domains:\n      - API.example.com.\n      - \"*.example.org\"\n"
      "      - {host: mirror.example.com, allow_private_ips: true}\n");
  CHECK(outcome.error.empty());
  CHECK(outcome.warnings.empty());
  const NetworkConfig& network = outcome.network;
  CHECK(network.policy == NetworkPolicy::kDeny);
  CHECK(network.sni == egress::SniMode::kLog);
  CHECK(network.enforcement == NetworkEnforcement::kIsolated);
  CHECK(network.presets == std::vector<std::string>{"claude", "{agent}"});
  REQUIRE(network.allowed_domains.size() == 3);
  CHECK(network.allowed_domains[0].text() == "api.example.com");
  CHECK(network.allowed_domains[1].below);
  CHECK(network.allowed_domains[2].allow_private_ips);
  CHECK_FALSE(network.allowed_domains[1].allow_private_ips);
}

TEST_CASE("Network configuration: what cannot be meant is refused at its place", "[config]") {
  struct Case {
    std::string entry;
    std::string error;
  };
  const Case known = GENERATE(
      Case{"1.2.3.4", "g:4:9: sandbox.network.allowed_domains[0]: "},
      Case{"\"*.com\"", "g:4:9: sandbox.network.allowed_domains[0]: "},
      Case{"\"*.co.uk\"", "g:4:9: sandbox.network.allowed_domains[0]: "},
      Case{"\"a.*.com\"", "g:4:9: sandbox.network.allowed_domains[0]: "},
      Case{"a..b", "g:4:9: sandbox.network.allowed_domains[0]: "},
      Case{"12", "g:4:9: sandbox.network.allowed_domains[0]: "},
      Case{"{host: \"*.example.com\", allow_private_ips: true}",
           "g:4:16: sandbox.network.allowed_domains[0].host: "},
      Case{"{allow_private_ips: true}",
           "g:4:9: sandbox.network.allowed_domains[0]: host is missing"},
      Case{"{host: a.com, allow_private_ip: true}",
           "g:4:23: sandbox.network.allowed_domains[0]: unknown key \"allow_private_ip\" (did you "
           "mean \"allow_private_ips\"?)"});
  INFO(known.entry);
  const Outcome outcome = Build("    allowed_domains:\n      - " + known.entry + "\n");
  INFO(outcome.error);
  CHECK(outcome.error.starts_with(known.error));
}

TEST_CASE("Network configuration: a wildcard that anybody can be below gives a warning",
          "[config]") {
  const Outcome outcome = Build("    allowed_domains: [\"*.github.io\"]\n");
  CHECK(outcome.error.empty());
  REQUIRE(outcome.warnings.size() == 1);
  CHECK(outcome.warnings[0].starts_with("g:3:23: sandbox.network.allowed_domains[0]: "));
}

TEST_CASE("Network configuration: an unknown preset is refused with the nearest", "[config]") {
  CHECK(
      Build("    presets: [cladue]\n").error ==
      "g:3:15: sandbox.network.presets: there is no preset \"cladue\" (did you mean \"claude\"?)");
}

TEST_CASE("Network configuration: services of the host are read, and slips refused", "[config]") {
  const Outcome outcome = Build(
      "    host_ports:\n      - {name: database, port: 5432}\n      - name: cache\n        port: "
      "6379\n");
  CHECK(outcome.error.empty());
  CHECK(outcome.network.host_ports ==
        std::vector<egress::HostPort>{{"database", 5432}, {"cache", 6379}});
  struct Case {
    std::string list;
    std::string error;
  };
  const Case known = GENERATE(
      Case{"5432", "g:3:17: sandbox.network.host_ports: "},
      Case{"[5432]", "g:3:18: sandbox.network.host_ports[0]: "},
      Case{"[{name: a}]", "g:3:18: sandbox.network.host_ports[0]: port is missing"},
      Case{"[{port: 5432}]", "g:3:18: sandbox.network.host_ports[0]: name is missing"},
      Case{"[{name: a, port: web}]", "g:3:34: sandbox.network.host_ports[0].port: "},
      Case{"[{name: a, port: 65536}]", "g:3:34: sandbox.network.host_ports[0].port: "},
      Case{"[{name: a, port: 80}]", "g:3:18: sandbox.network.host_ports[0]: port 80 cannot"},
      Case{"[{name: a, port: 3128}]", "g:3:18: sandbox.network.host_ports[0]: port 3128 of"},
      Case{"[{name: A, port: 5432}]", "g:3:18: sandbox.network.host_ports[0]: \"A\" is not"},
      Case{"[{name: a, prot: 5432}]",
           "g:3:28: sandbox.network.host_ports[0]: unknown key \"prot\" (did you mean \"port\"?)"},
      Case{"[{name: a, port: 5432}, {name: a, port: 5433}]",
           "g:3:41: sandbox.network.host_ports[1]: \"a\" stands there twice"},
      Case{"[{name: a, port: 5432}, {name: b, port: 5432}]",
           "g:3:41: sandbox.network.host_ports[1]: port 5432 is \"a\" already"});
  INFO(known.list);
  const Outcome refused = Build("    host_ports: " + known.list + "\n");
  INFO(refused.error);
  CHECK(refused.error.starts_with(known.error));
}

TEST_CASE("Network configuration: credentials are read, with what most of them want as default",
          "[config]") {
  const Outcome outcome = Build(
      "    credentials:\n"
      "      - {host: API.example.com., file: ~/.keys/example, env: EXAMPLE_KEY}\n"
      "      - host: b.example.com\n        header: X-Api-Key\n"
      "        command: [secret-tool, lookup, name, \"b c\"]\n"
      "        allow: [\"POST /v1/messages\", \"GET /repos/**\"]\n"
      "      - {host: c.example.com, value: \"token {secret}\", file: /run/key}\n");
  CHECK(outcome.error.empty());
  CHECK(outcome.warnings.empty());
  const auto& read = outcome.network.credentials;
  REQUIRE(read.size() == 3);
  CHECK(read[0] == egress::CredentialRule{.host = "api.example.com",
                                          .header = "authorization",
                                          .value = "Bearer {secret}",
                                          .file = "~/.keys/example",
                                          .command = {},
                                          .variable = "EXAMPLE_KEY",
                                          .allow = {}});
  CHECK(read[1] ==
        egress::CredentialRule{.host = "b.example.com",
                               .header = "x-api-key",
                               .value = "{secret}",
                               .file = "",
                               .command = {"secret-tool", "lookup", "name", "b c"},
                               .variable = "",
                               .allow = {{"POST", "/v1/messages"}, {"GET", "/repos/**"}}});
  CHECK(read[2].value == "token {secret}");
  CHECK(read[2].header == "authorization");
}

TEST_CASE("Network configuration: a credential that cannot be meant is refused at its place",
          "[config]") {
  struct Case {
    std::string list;
    std::string error;
  };
  const Case known = GENERATE(
      Case{"x", "g:3:18: sandbox.network.credentials: expected a list"},
      Case{"[x]", "g:3:19: sandbox.network.credentials[0]: expected a map"},
      Case{"[{file: /k}]", "g:3:19: sandbox.network.credentials[0]: host is missing"},
      Case{"[{host: \"*.example.com\", file: /k}]",
           "g:3:26: sandbox.network.credentials[0].host: a credential is for one host, and "
           "*.example.com is many"},
      Case{"[{host: 192.0.2.1, file: /k}]", "g:3:26: sandbox.network.credentials[0].host: "},
      Case{"[{host: a.com}]", "g:3:19: sandbox.network.credentials[0]: the secret"},
      Case{"[{host: a.com, file: /k, command: [x]}]",
           "g:3:19: sandbox.network.credentials[0]: the secret"},
      Case{"[{host: a.com, file: k}]",
           "g:3:39: sandbox.network.credentials[0].file: expected an absolute path"},
      Case{"[{host: a.com, file: ~user/k}]", "g:3:39: sandbox.network.credentials[0].file: "},
      Case{"[{host: a.com, command: gh}]",
           "g:3:42: sandbox.network.credentials[0].command: expected a list"},
      Case{"[{host: a.com, command: []}]",
           "g:3:42: sandbox.network.credentials[0].command: expected a program"},
      Case{"[{host: a.com, command: [\"\"]}]", "g:3:42: sandbox.network.credentials[0].command: "},
      Case{"[{host: a.com, file: /k, env: a-b}]", "g:3:48: sandbox.network.credentials[0].env: "},
      Case{"[{host: a.com, file: /k, value: fixed}]",
           "g:3:19: sandbox.network.credentials[0]: the value"},
      Case{"[{host: a.com, file: /k, value: \"\"}]",
           "g:3:19: sandbox.network.credentials[0]: the value"},
      Case{"[{host: a.com, file: /k, header: Host}]",
           "g:3:19: sandbox.network.credentials[0]: the header host"},
      Case{"[{host: a.com, file: /k, allow: []}]",
           "g:3:50: sandbox.network.credentials[0].allow: an empty list"},
      Case{"[{host: a.com, file: /k, allow: null}]",
           "g:3:50: sandbox.network.credentials[0].allow: expected a list"},
      Case{"[{host: a.com, file: /k, allow: [\"GET /\", post /]}]",
           "g:3:60: sandbox.network.credentials[0].allow[1]: "},
      Case{
          "[{host: a.com, files: /k}]",
          "g:3:33: sandbox.network.credentials[0]: unknown key \"files\" (did you mean \"file\"?)"},
      Case{"[{host: a.com, file: /k}, {host: A.com, file: /l}]",
           "g:3:44: sandbox.network.credentials[1]: \"a.com\" stands there twice"});
  INFO(known.list);
  const Outcome refused = Build("    credentials: " + known.list + "\n");
  INFO(refused.error);
  CHECK(refused.error.starts_with(known.error));
}

TEST_CASE("Network configuration: a project cannot open its own network", "[config]") {
  const Outcome outcome =
      Build("    policy: deny\n",
            "sandbox: {network: {policy: allow, sni: \"off\", presets: [claude], "
            "credentials: [{host: a.com, file: /etc/shadow}]}}\n");
  CHECK(outcome.error.empty());
  CHECK(outcome.network.policy == NetworkPolicy::kDeny);
  CHECK(outcome.network.sni == egress::SniMode::kEnforce);
  CHECK(outcome.network.presets.empty());
  CHECK(outcome.network.credentials.empty());
  CHECK(outcome.warnings.size() == 4);
}

}  // namespace workmux::daemon
