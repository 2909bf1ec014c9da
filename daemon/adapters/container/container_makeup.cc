#include <charconv>

#include "daemon/adapters/container/run_argv.h"
#include "daemon/domain/byte_size.h"

namespace workmux::daemon {
namespace {

// The OCI runtime specification, "Default Filesystems"; docker-run(1) and
// podman-run(1): files of the network, --init, --tmpfs, secrets; and the "maskedPaths"
// and "readonlyPaths" of their default specification.
void AddKernelMounts(SandboxMakeup& makeup) {
  makeup.mounts.push_back({.target = "/", .filesystem = {}});
  makeup.mounts.push_back({.target = "/proc", .filesystem = "proc", .required = true});
  makeup.mounts.push_back(
      {.target = "/proc/sys", .filesystem = "proc", .read_only = true, .required = true});
  makeup.mounts.push_back({.target = "/proc", .below = true, .filesystem = {}});
  makeup.mounts.push_back({.target = "/dev", .filesystem = "tmpfs", .required = true});
  makeup.mounts.push_back({.target = "/dev", .below = true, .filesystem = {}});
  makeup.mounts.push_back({.target = "/sys", .filesystem = {}, .read_only = true});
  makeup.mounts.push_back({.target = "/sys", .below = true, .filesystem = {}});
}

void AddEngineFiles(SandboxMakeup& makeup) {
  for (const char* file : {"/etc/hosts", "/etc/hostname", "/etc/resolv.conf", "/etc/localtime",
                           "/etc/passwd", "/etc/group", "/run/.containerenv"}) {
    makeup.mounts.push_back({.target = file, .filesystem = {}});
  }
  for (const char* program : {"/sbin/docker-init", "/usr/sbin/docker-init", "/run/podman-init"})
    makeup.mounts.push_back({.target = program, .filesystem = {}, .read_only = true});
  makeup.mounts.push_back({.target = "/run/secrets", .filesystem = {}});
  makeup.mounts.push_back({.target = "/run/secrets", .below = true, .filesystem = {}});
}

void AddTmpfs(const ContainerConfig& config, SandboxMakeup& makeup) {
  if (config.tmpfs_size == "0") return;
  for (const char* dir : {"/tmp", "/var/tmp"}) {
    makeup.mounts.push_back({.target = dir,
                             .filesystem = "tmpfs",
                             .required = true,
                             .size = ByteSize(config.tmpfs_size),
                             .no_privileges = true});
  }
}

void SetLimits(const RuntimeTraits& traits, const EngineFacts& facts, const ContainerConfig& config,
               SandboxMakeup& makeup) {
  if (facts.rootless) makeup.user_processes = static_cast<std::uint64_t>(config.pids);
  if (!facts.limits) {
    makeup.weakened.emplace_back("a rootless engine on cgroup v1 limits no memory and no CPUs");
    return;
  }
  makeup.processes = static_cast<std::uint64_t>(config.pids);
  const std::string memory =
      config.memory.empty() ? std::string(traits.default_memory) : config.memory;
  if (!memory.empty()) makeup.memory = makeup.memory_and_swap = ByteSize(memory);
  double cpus = 0;
  std::from_chars(config.cpus.data(), config.cpus.data() + config.cpus.size(), cpus);
  if (cpus > 0) makeup.cpus = cpus;
}

}  // namespace

// gVisor and Kata Containers, by the names that their documentation gives the engine,
// alone or with a variant behind them. Every other runtime is compared in full.
bool BringsOwnKernel(std::string_view runtime) {
  for (const std::string_view name :
       {"runsc", "kata", "io.containerd.runsc", "io.containerd.kata"}) {
    if (!runtime.starts_with(name)) continue;
    const std::string_view variant = runtime.substr(name.size());
    if (variant.empty() || variant.front() == '-' || variant.front() == '.') return true;
  }
  return false;
}

SandboxMakeup DescribeContainer(const RuntimeTraits& traits, const EngineFacts& facts,
                                const SandboxSpec& spec) {
  SandboxMakeup makeup;
  const std::string& runtime = spec.container.oci_runtime;
  makeup.own_kernel = BringsOwnKernel(runtime);
  makeup.volumes = "/volumes/";
  AddKernelMounts(makeup);
  AddEngineFiles(makeup);
  AddTmpfs(spec.container, makeup);
  SetLimits(traits, facts, spec.container, makeup);
  for (const std::string& group : spec.container.group_add) {
    if (group == "keep-groups") makeup.host_groups = true;
  }
  return makeup;
}

}  // namespace workmux::daemon
