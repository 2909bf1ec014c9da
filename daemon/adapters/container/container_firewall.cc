// The packet filter around a container, put up from outside of it.

#include "common/base/status.h"
#include "common/base/strings.h"
#include "daemon/adapters/container/container_backend.h"
#include "daemon/adapters/container/firewall_argv.h"

namespace workmux::daemon {
namespace {

constexpr std::chrono::seconds kHelperLimit{40};
constexpr char kUseIsolated[] = "Set sandbox.network.enforcement: isolated.";

absl::Status Refused(const absl::Status& why) {
  return WithHint(WithReason(why, "NETWORK_NOT_RESTRICTABLE"), kUseIsolated);
}

}  // namespace

absl::StatusOr<std::string> ContainerBackend::FirewallAddress(const Env& env) {
  WM_RETURN_IF_ERROR(CheckRuntimeNetwork(client_.traits(), SandboxNetwork::kFirewalled));
  WM_ASSIGN_OR_RETURN(const EngineFacts facts, Facts());
  // Its containers' network ends in a process of the user's: no address is the host's.
  if (facts.rootless)
    return Refused(FailedPrecondition("rootless {} cannot have a firewall", client_.traits().name));
  const absl::StatusOr<BridgeAddress> bridge = Bridge(env);
  if (absl::IsFailedPrecondition(bridge.status())) return Refused(bridge.status());
  WM_RETURN_IF_ERROR(bridge.status());
  return bridge->listen;
}

// A client that fails by itself, without the helper's two lines on standard output, says
// why on the other one.
absl::Status ContainerBackend::ApplyFirewall(const SandboxSpec& spec) {
  WM_ASSIGN_OR_RETURN(EngineCall call, BuildFirewallCall(client_.traits(), spec));
  std::string out;
  std::string err;
  const absl::StatusOr<ExitStatus> exit =
      client_.Stream(std::move(call), {}, kHelperLimit, [&](StdStream from, std::string_view text) {
        (from == StdStream::kOut ? out : err) += text;
      });
  if (exit.ok() && exit->ok()) return absl::OkStatus();
  if (!exit.ok()) {
    // Its client is gone, which the helper may not be.
    const std::vector<std::string> names = {FirewallHelperName(spec.name)};
    Remove(names).IgnoreError();
    return Annotate(exit.status(), "the firewall");
  }
  const std::vector<std::string> lines = SplitLines(out);
  if (lines.empty()) return Annotate(client_.Explain(err), "the firewall");
  const absl::Status status =
      WithReason(FailedPrecondition("the firewall: {}", Printable(lines[0])), "FIREWALL_FAILED");
  return WithHint(status, lines.size() > 1 && !lines[1].empty() ? lines[1] : kUseIsolated);
}

}  // namespace workmux::daemon
