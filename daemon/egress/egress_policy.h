#pragma once

#include <absl/status/statusor.h>

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace workmux::egress {

// One entry of sandbox.network.allowed_domains.
struct HostRule {
  std::string host;    // NormalHost, without "*."
  bool below = false;  // "*.host": names below it, not itself
  bool allow_private_ips = false;
  std::string text() const { return below ? "*." + host : host; }
  bool operator==(const HostRule&) const = default;
};

// kInvalidArgument (EGRESS_RULE_INVALID) with the reason: no name, a wildcard in the
// middle or over a public suffix of ICANN's part (https://publicsuffix.org/list), a
// wildcard that opens private addresses.
absl::StatusOr<HostRule> ParseHostRule(std::string_view text, bool allow_private_ips);

// A rule that means more than its writer may think: a wildcard over a suffix below
// which anybody can have a name, such as *.github.io. Empty: nothing to say.
std::string DoubtAbout(const HostRule& rule);

// What the name in a TLS client's hello is compared with: the name that was asked for.
// In the order of sandbox.network.sni's choices.
enum class SniMode { kEnforce, kLog, kOff };

// What one sandbox may reach.
struct Policy {
  std::vector<HostRule> rules;
  SniMode sni = SniMode::kEnforce;
  bool operator==(const Policy&) const = default;
};

// The rule that decides about the host (a NormalHost): the exact one, else the one with
// the longest name; nullptr: none. The first of two equal ones.
const HostRule* FindRule(std::span<const HostRule> rules, std::string_view host);

}  // namespace workmux::egress
