#include "daemon/verify/expectation.h"

#include <algorithm>

#include "common/base/format.h"
#include "common/base/path.h"
#include "common/base/strings.h"
#include "common/os/mount_points.h"
#include "daemon/domain/mount_plan.h"
#include "daemon/verify/capabilities.h"
#include "daemon/verify/compare.h"

namespace workmux::daemon {
namespace {

namespace fs = std::filesystem;
using state::v1::Expectation;

constexpr std::uint32_t kUnmapped = 65534;
constexpr char kNamespaceBackend[] = "namespace";

// As PlanMounts does it.
bool IsPinned(const SessionPlan& plan, const Mount& mount) {
  const Repository& repository = plan.worktree.repository;
  const bool extra = std::any_of(plan.extra_mounts.begin(), plan.extra_mounts.end(),
                                 [&](const Mount& other) { return other.target == mount.target; });
  if (extra) return false;
  if (mount.target == plan.worktree.path || mount.target == repository.common_dir) return true;
  return !mount.writable &&
         (IsWithin(mount.target, plan.worktree.path) ||
          (!repository.main_worktree.empty() && IsWithin(mount.target, repository.main_worktree)));
}

void AddMounts(const ExpectationInput& input, Expectation& expectation) {
  const SessionPlan& plan = input.plan;
  for (const Mount& mount : input.spec.mounts) {
    Expectation::Mount& expected = *expectation.add_mounts();
    expected.set_target(mount.target.native());
    expected.set_writable(mount.writable);
    expected.set_masks(mount.source == kMaskSource);
    expected.set_pinned(IsPinned(plan, mount));
    for (const MountSources::Source& source : input.sources) {
      if (source.target != mount.target) continue;
      expected.set_device(static_cast<std::int64_t>(source.device));
      expected.set_inode(static_cast<std::int64_t>(source.inode));
    }
  }
}

void AddOwnMounts(const ExpectationInput& input, Expectation& expectation) {
  const auto add = [&](const OwnMount& own) {
    Expectation::OwnMount& expected = *expectation.add_own_mounts();
    expected.set_target(own.target.native());
    expected.set_below(own.below);
    expected.set_filesystem(own.filesystem);
    expected.set_read_only(own.read_only);
    expected.set_required(own.required);
    expected.set_size(own.size);
    expected.set_no_privileges(own.no_privileges);
  };
  const auto add_below = [&](const fs::path& source, const fs::path& target) {
    for (const fs::path& point : MountPointsBelow(input.mount_points, source))
      add({.target = target / point.lexically_relative(source), .filesystem = {}});
  };
  for (const OwnMount& own : input.makeup.mounts) add(own);
  for (const Mount& mount : input.spec.mounts) add_below(mount.source, mount.target);
  for (const Device& device : input.plan.container.devices)
    add({.target = device.guest_path, .filesystem = {}});
}

void AddSecurityOptions(const ExpectationInput& input, Expectation& expectation) {
  for (std::string option : input.plan.container.security_opt) {
    std::replace(option.begin(), option.end(), '=', ':');  // both are taken
    if (option == "no-new-privileges:false") expectation.set_no_new_privileges(false);
    if (option == "seccomp:unconfined") expectation.set_seccomp(false);
    if (option == "systempaths:unconfined" || option.starts_with("unmask:"))
      expectation.set_kernel_masks(false);
  }
}

void AddGroups(const ExpectationInput& input, Expectation& expectation) {
  if (input.makeup.host_groups) expectation.add_further_groups(kUnmapped);
  for (const std::string& group : input.plan.container.group_add) {
    long long number = 0;
    if (ParseInt(group, number) && number >= 0) {
      expectation.add_further_groups(static_cast<std::uint32_t>(number));
    } else {
      expectation.set_any_groups(true);  // only the image knows its number
    }
  }
}

void AddContainerGrants(const ExpectationInput& input, Expectation& expectation) {
  const ContainerConfig& config = input.plan.container;
  const auto weaken = [&](std::string_view key, const std::string& value) {
    expectation.add_weakened(Format("sandbox.container.{}: {}", key, Printable(value)));
  };
  for (const std::string& name : config.cap_add) {
    weaken("cap_add", name);
    expectation.set_capabilities(expectation.capabilities() | CapabilityBit(name).value_or(0));
  }
  for (const std::string& option : config.security_opt) weaken("security_opt", option);
  for (const Device& device : config.devices) weaken("devices", device.host_path.native());
  for (const std::string& group : config.group_add) weaken("group_add", group);
  if (!config.oci_runtime.empty()) weaken("oci_runtime", config.oci_runtime);
  AddSecurityOptions(input, expectation);
  AddGroups(input, expectation);
}

void AddWeakened(const ExpectationInput& input, Expectation& expectation) {
  const SessionPlan& plan = input.plan;
  if (plan.git == SandboxGit::kShared) expectation.add_weakened("sandbox.git: shared");
  if (plan.agent_config && plan.agent_config->shared)
    expectation.add_weakened("sandbox.agent_config: shared");
  for (const Mount& mount : plan.extra_mounts) {
    if (!mount.writable) continue;
    expectation.add_weakened(
        Format("sandbox.extra_mounts: {}: writable", Printable(mount.source.native())));
  }
  for (const std::string& weakened : input.makeup.weakened) expectation.add_weakened(weakened);
}

void AddLimits(const SandboxMakeup& makeup, Expectation& expectation) {
  if (makeup.processes) expectation.set_processes(*makeup.processes);
  if (makeup.user_processes) expectation.set_user_processes(*makeup.user_processes);
  if (makeup.memory) expectation.set_memory(*makeup.memory);
  if (makeup.memory_and_swap) expectation.set_memory_and_swap(*makeup.memory_and_swap);
  if (makeup.cpus) expectation.set_cpus(*makeup.cpus);
}

void AddVariables(const ExpectationInput& input, Expectation& expectation) {
  for (const auto& [name, value] : input.spec.env) {
    expectation.add_variables(name);
    if (LooksSecret(name) && !name.starts_with("GIT_CONFIG_")) expectation.add_secrets(name);
  }
  for (const std::string& name : input.image_variables) expectation.add_variables(name);
}

}  // namespace

Expectation BuildExpectation(const ExpectationInput& input) {
  Expectation expectation;
  expectation.set_no_new_privileges(true);
  expectation.set_own_kernel(input.makeup.own_kernel);
  expectation.set_seccomp(!input.makeup.own_kernel);
  expectation.set_kernel_masks(true);
  expectation.set_isolated(input.spec.network == SandboxNetwork::kIsolated);
  expectation.set_socket_filter(input.spec.network != SandboxNetwork::kOpen);
  if (input.spec.network == SandboxNetwork::kFirewalled) {
    const SandboxSpec::Firewall& firewall = input.spec.firewall;
    expectation.mutable_firewall()->set_address(firewall.address);
    expectation.mutable_firewall()->add_ports(firewall.proxy_port);
    if (firewall.bridge_port != 0) expectation.mutable_firewall()->add_ports(firewall.bridge_port);
  }
  expectation.set_outside_probe(input.makeup.outside_probe);
  expectation.set_user(input.spec.uid);
  expectation.set_group(input.spec.gid);
  expectation.set_volumes(input.makeup.volumes);
  AddMounts(input, expectation);
  if (input.plan.backend->name() != kNamespaceBackend) {
    AddContainerGrants(input, expectation);
  } else {
    AddGroups(input, expectation);
  }
  AddOwnMounts(input, expectation);
  // Its mounts over the kernel's switches are gone with the option.
  if (!expectation.kernel_masks()) {
    for (Expectation::OwnMount& own : *expectation.mutable_own_mounts()) {
      if (own.target().starts_with("/proc/")) own.set_required(false);
    }
  }
  AddWeakened(input, expectation);
  AddLimits(input.makeup, expectation);
  AddVariables(input, expectation);
  for (const fs::path& socket : input.sockets) expectation.add_sockets(socket.native());
  return expectation;
}

std::string PolicyOf(const Expectation& expectation) {
  Expectation policy = expectation;
  for (Expectation::Mount& mount : *policy.mutable_mounts()) {
    mount.clear_target();
    mount.clear_device();
    mount.clear_inode();
  }
  std::sort(policy.mutable_mounts()->begin(), policy.mutable_mounts()->end(),
            [](const Expectation::Mount& a, const Expectation::Mount& b) {
              return a.SerializeAsString() < b.SerializeAsString();
            });
  // Each sandbox has ports of its own.
  if (policy.has_firewall()) policy.mutable_firewall()->clear_ports();
  policy.clear_sockets();
  return policy.SerializeAsString();
}

std::string ToText(const Expectation& expectation) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const char c : expectation.SerializeAsString()) {
    text += kDigits[static_cast<unsigned char>(c) >> 4];
    text += kDigits[static_cast<unsigned char>(c) & 15];
  }
  return text;
}

bool FromText(std::string_view text, Expectation& expectation) {
  const auto digit = [](char c) {
    if (c >= '0' && c <= '9') return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
  };
  std::string bytes;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    if (digit(text[i]) < 0 || digit(text[i + 1]) < 0) return false;
    bytes += static_cast<char>(digit(text[i]) * 16 + digit(text[i + 1]));
  }
  return text.size() % 2 == 0 && !text.empty() && expectation.ParseFromString(bytes);
}

}  // namespace workmux::daemon
