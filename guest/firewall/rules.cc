#include "guest/firewall/rules.h"

#include <arpa/inet.h>

#include <algorithm>
#include <map>

#include "common/base/status.h"
#include "common/base/strings.h"

namespace workmux::guest {
namespace {

// Docker's, libnetwork/resolver.go; it has rules of its own that change the port.
constexpr char kEngineResolver[] = "127.0.0.11";
constexpr char kHead[] = "*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT DROP [0:0]\n";
constexpr char kFilter[] = "*filter";

std::string Loopback(std::string_view unreachable) {
  return Format(
      "-A OUTPUT -o lo -p tcp -m tcp --dport 53 -j REJECT --reject-with tcp-reset\n"
      "-A OUTPUT -o lo -p udp -m udp --dport 53 -j REJECT --reject-with {}\n"
      "-A OUTPUT -o lo -j ACCEPT\n",
      unreachable);
}

std::string Rest(std::string_view unreachable) {
  return Format(
      "-A OUTPUT -p tcp -j REJECT --reject-with tcp-reset\n"
      "-A OUTPUT -j REJECT --reject-with {}\n"
      "COMMIT\n",
      unreachable);
}

// "-N" is no option of a save: every line that is not a policy is a rule.
struct Table {
  std::vector<std::string> lines;
};

// ":OUTPUT DROP [12:3456]" without its counters.
std::string WithoutCounters(const std::string& line) {
  if (!line.starts_with(':')) return line;
  const std::size_t counters = line.rfind(" [");
  return counters == std::string::npos ? line : line.substr(0, counters);
}

std::map<std::string, Table> TablesIn(std::string_view text) {
  std::map<std::string, Table> tables;
  std::string name;
  for (const std::string& line : SplitLines(text)) {
    if (line.empty() || line[0] == '#') continue;
    if (line[0] == '*') name = line;
    // A table that is there twice has all lines of both.
    tables[name].lines.push_back(WithoutCounters(line));
  }
  return tables;
}

bool IsEmpty(const Table& table) {
  return std::all_of(table.lines.begin(), table.lines.end(), [](const std::string& line) {
    return line[0] == '*' || line == "COMMIT" || (line[0] == ':' && line.ends_with(" ACCEPT"));
  });
}

}  // namespace

absl::StatusOr<FirewallPlan> ParseFirewallPlan(std::span<const std::string> arguments) {
  in_addr address{};
  if (arguments.size() < 2 || ::inet_pton(AF_INET, arguments[0].c_str(), &address) != 1)
    return InvalidArgument("firewall takes a numeric IPv4 address and ports");
  FirewallPlan plan{.address = arguments[0], .ports = {}};
  for (const std::string& text : arguments.subspan(1)) {
    long long port = 0;
    if (!ParseInt(text, port) || port < 1 || port > 65535)
      return InvalidArgument("firewall: {} is not a port", Printable(text));
    plan.ports.push_back(static_cast<std::uint16_t>(port));
  }
  return plan;
}

std::string Ipv4Rules(const FirewallPlan& plan) {
  std::string rules = std::string(kHead) + "-A INPUT -i lo -j ACCEPT\n";
  for (const std::uint16_t port : plan.ports) {
    rules += Format(
        "-A INPUT -s {}/32 -p tcp -m tcp --sport {} -m conntrack --ctstate ESTABLISHED -j ACCEPT\n",
        plan.address, port);
  }
  rules += Format("-A OUTPUT -d {}/32 -j REJECT --reject-with icmp-port-unreachable\n",
                  std::string_view(kEngineResolver));
  rules += Loopback("icmp-port-unreachable");
  for (const std::uint16_t port : plan.ports)
    rules += Format("-A OUTPUT -d {}/32 -p tcp -m tcp --dport {} -j ACCEPT\n", plan.address, port);
  return rules + Rest("icmp-port-unreachable");
}

std::string Ipv6Rules() {
  return std::string(kHead) + "-A INPUT -i lo -j ACCEPT\n" + Loopback("icmp6-port-unreachable") +
         Rest("icmp6-port-unreachable");
}

absl::Status CheckSavedRules(std::string_view rules, std::string_view saved) {
  const std::vector<std::string> wanted = TablesIn(rules)[kFilter].lines;
  std::map<std::string, Table> tables = TablesIn(saved);
  const std::vector<std::string> found = tables[kFilter].lines;
  const auto [want, have] = std::mismatch(wanted.begin(), wanted.end(), found.begin(), found.end());
  if (want != wanted.end() || have != found.end()) {
    return FailedPrecondition("the rules read back differ: \"{}\" stands for \"{}\"",
                              have == found.end() ? "nothing" : Printable(*have),
                              want == wanted.end() ? "nothing" : *want);
  }
  tables.erase(kFilter);
  for (const auto& [name, table] : tables) {
    if (!IsEmpty(table)) return FailedPrecondition("there are rules in {}", Printable(name));
  }
  return absl::OkStatus();
}

}  // namespace workmux::guest
