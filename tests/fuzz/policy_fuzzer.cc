// sandbox.network.allowed_domains from its text to its decisions: a rule allows what its
// text says and nothing besides.

#include <algorithm>
#include <array>

#include "common/base/status.h"
#include "common/base/strings.h"
#include "daemon/config/network_parser.h"
#include "daemon/config/yaml_parser.h"
#include "daemon/egress/egress_policy.h"
#include "daemon/egress/host_name.h"
#include "tests/fuzz/fuzz_target.h"

namespace workmux::fuzz {
namespace {

using egress::FindRule;
using egress::HostRule;

bool Allows(const HostRule& rule, const std::string& host) {
  return FindRule(std::span(&rule, 1), host) != nullptr;
}

// A second reading of what a rule says.
bool Says(const HostRule& rule, const std::string& host) {
  const std::string dotted = "." + rule.host;
  return rule.below ? host.size() > dotted.size() && host.ends_with(dotted) : host == rule.host;
}

void CheckRule(const HostRule& rule) {
  const auto host = egress::NormalHost(rule.host);
  Require(host.ok() && *host == rule.host, "a rule's host is a normal one");
  const auto again = egress::ParseHostRule(rule.text(), rule.allow_private_ips);
  Require(again.ok() && *again == rule, "a rule's text is read as the same rule");
  Require(!rule.below || !rule.allow_private_ips, "no wildcard opens private addresses");
  constexpr auto kEverybodys = std::to_array<std::string_view>(
      {"com", "net", "org", "de", "uk", "co.uk", "com.au", "gov", "io", "xn--p1ai"});
  Require(!rule.below ||
              std::find(kEverybodys.begin(), kEverybodys.end(), rule.host) == kEverybodys.end(),
          "no wildcard stands over a public suffix");
  Require(Allows(rule, rule.host) != rule.below,
          "a name is allowed by itself, not by its wildcard");
  Require(Allows(rule, "x." + rule.host) == rule.below &&
              Allows(rule, "x.y." + rule.host) == rule.below,
          "a wildcard allows every name below it");
  for (const std::string& other :
       {"x" + rule.host, rule.host + ".x", rule.host + "x", rule.host.substr(1), std::string()})
    Require(Allows(rule, other) == Says(rule, other), "a similar name is another one");
  egress::DoubtAbout(rule);
}

// Against a search that looks at every rule.
void CheckFound(const std::vector<HostRule>& rules, const std::string& host) {
  const HostRule* best = nullptr;
  for (const HostRule& rule : rules) {
    if (!Says(rule, host)) continue;
    const auto weight = [](const HostRule& one) {
      return (one.below ? 0u : 1000u) + one.host.size();
    };
    if (best == nullptr || weight(rule) > weight(*best)) best = &rule;
  }
  Require(FindRule(rules, host) == best, "the rule that decides is the closest one");
}

void CheckNames(std::string_view input, const std::vector<HostRule>& rules) {
  std::vector<std::string> hosts;
  for (const HostRule& rule : rules) {
    for (const char* before : {"", "x.", "x"}) hosts.push_back(before + rule.host);
  }
  for (std::size_t at = 0; at < input.size() && hosts.size() < 200;) {
    const std::size_t end = std::min(input.find_first_of(" \n,\"", at), input.size());
    if (const auto host = egress::NormalHost(input.substr(at, end - at)); host.ok())
      hosts.push_back(*host);
    at = end + 1;
  }
  for (const std::string& host : hosts) CheckFound(rules, host);
}

}  // namespace

void Check(std::string_view input) {
  const bool private_ips = input.size() % 2 == 0;
  if (const auto rule = egress::ParseHostRule(input, private_ips); rule.ok()) CheckRule(*rule);
  const auto node = daemon::ParseYamlValue(input);
  if (!node.ok()) return;
  std::vector<std::string> warnings;
  const daemon::ValueReader reader("config.yaml", "sandbox.network.allowed_domains", &warnings);
  const auto rules = daemon::ParseAllowedDomains(reader, *node);
  if (!rules.ok()) {
    const std::string message = MessageOf(rules.status());
    Require(message.starts_with("config.yaml:") && Printable(message) == message,
            "an error names its place, in one line that a terminal can show");
    return;
  }
  Require(rules->size() == node->items.size(), "no item of the list is passed over");
  for (const HostRule& rule : *rules) CheckRule(rule);
  CheckNames(input, *rules);
}

std::vector<std::string> Seeds() {
  return {
      "- api.example.com\n- \"*.example.org\"\n- {host: mirror.example.com, allow_private_ips: "
      "true}\n",
      "[api.example.com, '*.a.example.com', \"*.example.com\", API.example.com.]",
      "- host: x.example.com\n  allow_private_ips: false\n- &a y.example.com\n- *a\n",
      "*.co.uk",
      "*.github.io",
      "*.xn--p1ai",
      "1.2.3.4",
      "0x7f.1",
      "a.*.com",
      "a_b.example",
      "[\"*.com\", {host: \"*.example.com\", allow_private_ips: true}]"};
}

}  // namespace workmux::fuzz
