#include "guest/firewall/apply.h"

#include <chrono>
#include <cstdio>
#include <string_view>

#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/process/posix_command_runner.h"
#include "guest/firewall/direct_way.h"
#include "guest/firewall/rules.h"

namespace workmux::guest {
namespace {

constexpr char kPath[] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
constexpr std::chrono::seconds kToolLimit{10};
constexpr std::uint16_t kHttps = 443;
constexpr char kNobody[] = "198.51.100.1";  // RFC 5737
constexpr char kIsolated[] = "set sandbox.network.enforcement: isolated";

absl::StatusOr<std::string> RunTool(const std::string& program, std::string input) {
  Command command;
  command.argv = {program};
  command.cwd = "/";
  command.env = {{"PATH", kPath}, {"LC_ALL", "C"}};
  command.stdin_data = std::move(input);
  RunOptions options;
  options.timeout = kToolLimit;
  PosixCommandRunner runner;
  const absl::StatusOr<CommandResult> result = runner.Run(command, options);
  if (absl::IsNotFound(result.status())) {
    return WithHint(FailedPrecondition("the image has no {}", program),
                    Format("Install iptables in the image, or {}.", std::string_view(kIsolated)));
  }
  WM_RETURN_IF_ERROR(Annotate(result.status(), program));
  if (result->exit.ok()) return result->out;
  const std::string said(Trim(LastLines(result->err, 1)));
  return WithHint(
      FailedPrecondition("{} failed{}{}", program, said.empty() ? "" : ": ", said),
      "Look whether the host's kernel has what iptables needs, or " + std::string(kIsolated) + ".");
}

absl::Status Apply(const std::string& family, const std::string& rules) {
  WM_RETURN_IF_ERROR(RunTool(family + "-restore", rules).status());
  WM_ASSIGN_OR_RETURN(const std::string saved, RunTool(family + "-save", {}));
  return Annotate(CheckSavedRules(rules, saved), family);
}

// Beside what was read back: the programs that did it are the image's.
absl::Status TryOut(const FirewallPlan& plan) {
  WM_RETURN_IF_ERROR(CheckNoDirectWay({&plan.address, 1}));
  if (ConnectError(kNobody, kHttps) == 0)
    return FailedPrecondition("the network is not restricted: {} is reached", kNobody);
  for (const std::uint16_t port : plan.ports) {
    if (ConnectError(plan.address, port) == 0) continue;
    return WithHint(
        FailedPrecondition("port {} of {} is not reached from containers", port, plan.address),
        Format("Let the host's own firewall accept it, or {}.", std::string_view(kIsolated)));
  }
  return absl::OkStatus();
}

absl::Status ApplyFirewall(std::span<const std::string> arguments) {
  WM_ASSIGN_OR_RETURN(const FirewallPlan plan, ParseFirewallPlan(arguments));
  WM_RETURN_IF_ERROR(Apply("iptables", Ipv4Rules(plan)));
  WM_RETURN_IF_ERROR(Apply("ip6tables", Ipv6Rules()));
  return TryOut(plan);
}

}  // namespace

int RunFirewall(std::span<const std::string> arguments) {
  const absl::Status status = ApplyFirewall(arguments);
  if (!status.ok()) {
    std::printf("%s\n%s\n", Printable(MessageOf(status)).c_str(),
                Printable(HintOf(status)).c_str());
    std::fflush(stdout);
  }
  return status.ok() ? 0 : 1;
}

}  // namespace workmux::guest
