#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/statusor.h>

namespace workmux::guest {

// What is left of the network of a sandbox with a firewall.
struct FirewallPlan {
  std::string address;               // of the host, numeric IPv4
  std::vector<std::uint16_t> ports;  // of that address, TCP
  bool operator==(const FirewallPlan&) const = default;
};

// From "ADDRESS PORT…". kInvalidArgument for what is not of that form: it becomes part
// of rules.
absl::StatusOr<FirewallPlan> ParseFirewallPlan(std::span<const std::string> arguments);

// The whole filter table for iptables-restore(8), written as iptables-save(8) writes it.
// Nothing comes in or goes out but on loopback and to the plan's ports, and on loopback
// no DNS: what answers there asks others (Docker's resolver on 127.0.0.11 does). What is
// sent is refused at once, so that no program waits for an answer. Pure.
std::string Ipv4Rules(const FirewallPlan& plan);
// The same for ip6tables-restore(8), where loopback is all.
std::string Ipv6Rules();

// Whether `saved`, all tables as iptables-save prints them, is `rules` and nothing else:
// other tables may exist without rules and with the policy ACCEPT. Comments and the
// policies' counters do not count. kFailedPrecondition names the first difference. Pure.
absl::Status CheckSavedRules(std::string_view rules, std::string_view saved);

}  // namespace workmux::guest
