#include "daemon/adapters/container/firewall_argv.h"

#include <algorithm>
#include <array>

#include "common/base/status.h"
#include "common/base/strings.h"
#include "daemon/domain/mount_plan.h"

namespace workmux::daemon {
namespace {

// capabilities(7): the rules themselves; packets beside them (packet(7)); mounts and other
// namespaces; code in the kernel; the memory of what has others.
constexpr auto kDangerous = std::to_array<std::string_view>(
    {"ALL", "NET_ADMIN", "NET_RAW", "SYS_ADMIN", "SYS_MODULE", "SYS_PTRACE", "BPF", "SYS_RAWIO"});

std::string UpperCapability(std::string_view name) {
  std::string upper(name);
  for (char& c : upper) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return upper.starts_with("CAP_") ? upper.substr(4) : upper;
}

absl::Status Unsupported(std::string_view key, std::string_view value) {
  return WithHint(
      WithReason(FailedPrecondition(
                     "sandbox.container.{}: {} cannot be had with sandbox.network.enforcement: "
                     "firewall",
                     key, Printable(value)),
                 "RUNTIME_OPTION_UNSUPPORTED"),
      "Set sandbox.network.enforcement: isolated, or remove the key.");
}

}  // namespace

absl::Status CheckFirewallOptions(const SandboxConfig& config) {
  if (config.network.policy == NetworkPolicy::kAllow ||
      config.network.enforcement != NetworkEnforcement::kFirewall) {
    return absl::OkStatus();
  }
  for (const std::string& name : config.container.cap_add) {
    if (std::find(kDangerous.begin(), kDangerous.end(), UpperCapability(name)) != kDangerous.end())
      return Unsupported("cap_add", name);
  }
  if (BringsOwnKernel(config.container.oci_runtime))
    return Unsupported("oci_runtime", config.container.oci_runtime);
  return absl::OkStatus();
}

std::string FirewallHelperName(std::string_view sandbox) { return Format("{}-firewall", sandbox); }

absl::StatusOr<EngineCall> BuildFirewallCall(const RuntimeTraits& traits, const SandboxSpec& spec) {
  WM_RETURN_IF_ERROR(CheckRuntimeNetwork(traits, SandboxNetwork::kFirewalled));
  if (spec.firewall.address.empty() || spec.firewall.proxy_port == 0)
    return Internal("{}: a firewall without a proxy", spec.name);
  const auto guest = std::find_if(spec.mounts.begin(), spec.mounts.end(),
                                  [](const Mount& mount) { return mount.target == kGuestBinDir; });
  if (guest == spec.mounts.end()) return Internal("{}: no guest program", spec.name);
  WM_ASSIGN_OR_RETURN(const std::string mount, MountOption(*guest));
  const std::string guest_program = std::string(kGuestBinDir) + "/workmux";
  EngineCall call;
  call.argv = {std::string(traits.program), "run", "--rm", "--pull=never", "--name",
               FirewallHelperName(spec.name), Format("--network=container:{}", spec.name),
               // Of the namespace's owner: nothing else is needed.
               "--cap-drop=ALL", "--cap-add=NET_ADMIN", "--security-opt=no-new-privileges",
               "--user=0:0", "--read-only",
               // xtables' lock, iptables(8), --wait.
               "--tmpfs=/run:rw,noexec,nosuid,nodev,size=1048576", "--pids-limit=64",
               "--log-driver=none", "--no-healthcheck", "--workdir=/", "--mount", mount,
               "--entrypoint", guest_program, "--", spec.image, "firewall", spec.firewall.address,
               Format("{}", spec.firewall.proxy_port)};
  if (spec.firewall.bridge_port != 0) call.argv.push_back(Format("{}", spec.firewall.bridge_port));
  return call;
}

}  // namespace workmux::daemon
