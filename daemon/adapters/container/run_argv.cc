#include "daemon/adapters/container/run_argv.h"

#include <algorithm>

#include "common/base/status.h"
#include "common/base/strings.h"
#include "daemon/adapters/container/env_delivery.h"
#include "daemon/adapters/container/firewall_argv.h"
#include "daemon/domain/byte_size.h"
#include "daemon/domain/mount_plan.h"
#include "daemon/domain/restricted_spec.h"

namespace workmux::daemon {
namespace {

constexpr int kEnvFile = 3;

std::string CsvField(std::string field) {
  if (field.find_first_of(",\"\n") == std::string::npos) return field;
  std::string quoted = "\"";
  for (const char c : field) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

// [a-zA-Z0-9][a-zA-Z0-9_.-]*, the engines' rule for names of containers.
absl::Status CheckName(std::string_view name) {
  const auto is_alnum = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  if (!name.empty() && is_alnum(name[0]) && std::all_of(name.begin(), name.end(), [&](char c) {
        return is_alnum(c) || c == '_' || c == '.' || c == '-';
      })) {
    return absl::OkStatus();
  }
  return InvalidArgument("{}: not a name for a container", name);
}

std::string Label(std::string_view key, std::string_view value) {
  return Format("--label={}={}", key, value);
}

void AddIdentity(const SandboxSpec& spec, std::vector<std::string>& argv) {
  argv.insert(argv.end(),
              {"--name", spec.name, Label(kLabelSession, spec.session_id),
               Label(kLabelWorktree, spec.worktree.native()), Label(kLabelAgent, spec.agent),
               Label(kLabelInstance, spec.instance), Label(kLabelOwner, Format("{}", spec.uid))});
}

std::string User(const SandboxSpec& spec) { return Format("{}:{}", spec.uid, spec.gid); }

// Everything that the command prints is kept on the host, up to a limit.
void AddLog(const RuntimeTraits& traits, const ContainerConfig& config,
            std::vector<std::string>& argv) {
  if (traits.log_driver.empty()) return;
  if (config.log_size == "0") {
    argv.emplace_back("--log-driver=none");
    return;
  }
  argv.push_back(Format("--log-driver={}", traits.log_driver));
  argv.push_back(Format("--log-opt=max-size={}", ByteSize(config.log_size)));
}

void AddLimits(const RuntimeTraits& traits, const EngineFacts& facts, const ContainerConfig& config,
               std::vector<std::string>& argv) {
  const std::string memory =
      config.memory.empty() ? std::string(traits.default_memory) : config.memory;
  // Where they hold nothing, the engine would say so on the agent's terminal.
  if (facts.limits) {
    if (!memory.empty()) argv.push_back("--memory=" + memory);
    // Equal limits: without the second the container may swap as much again.
    if (!memory.empty() && traits.shares_kernel) argv.push_back("--memory-swap=" + memory);
    if (!config.cpus.empty()) argv.push_back("--cpus=" + config.cpus);
  }
  AddLog(traits, config, argv);
  if (!traits.shares_kernel) return;
  if (facts.limits) argv.push_back(Format("--pids-limit={}", config.pids));
  // setrlimit(2): counted in the user namespace, which is the container's own.
  if (facts.rootless) argv.push_back(Format("--ulimit=nproc={0}:{0}", config.pids));
  if (config.tmpfs_size == "0") return;
  for (const char* dir : {"/tmp", "/var/tmp"}) {
    argv.push_back(Format("--tmpfs={}:rw,exec,nosuid,nodev,mode=1777,size={}", dir,
                          ByteSize(config.tmpfs_size)));
  }
}

// What the user's configuration adds to the sandbox; the order is the original's.
void AddGrants(const ContainerConfig& config, std::vector<std::string>& argv) {
  for (const Device& device : config.devices) {
    argv.push_back(Format("--device={}:{}:{}", device.host_path.native(),
                          device.guest_path.native(), device.permissions));
  }
  for (const std::string& name : config.cap_add) argv.push_back("--cap-add=" + name);
  for (const std::string& option : config.security_opt) argv.push_back("--security-opt=" + option);
  for (const std::string& group : config.group_add) argv.push_back("--group-add=" + group);
}

void AddRestrictions(const RuntimeTraits& traits, const EngineFacts& facts, const SandboxSpec& spec,
                     std::vector<std::string>& argv) {
  // The engine's init is a process of the sandbox's user without the guest program's
  // filter, for every program inside to take over with ptrace(2). The guest program is
  // the first process itself then.
  if (spec.network == SandboxNetwork::kOpen) argv.emplace_back("--init");
  argv.emplace_back("--cap-drop=ALL");
  if (traits.shares_kernel) argv.emplace_back("--security-opt=no-new-privileges");
  AddLimits(traits, facts, spec.container, argv);
  if (traits.shares_kernel) AddGrants(spec.container, argv);
}

// podman-run(1), --userns: without keep-id a rootless engine's container would see
// the user's files as root's, and write as somebody else.
void AddUser(const RuntimeTraits& traits, const EngineFacts& facts, const SandboxSpec& spec,
             std::vector<std::string>& argv) {
  if (facts.rootless && traits.name == "podman") argv.emplace_back("--userns=keep-id");
  argv.insert(argv.end(), {"--user", User(spec)});
}

absl::Status Unsupported(const RuntimeTraits& traits, std::string_view key, std::string_view hint) {
  return WithHint(
      WithReason(FailedPrecondition("sandbox.container.{}: {} cannot do that", key, traits.name),
                 "RUNTIME_OPTION_UNSUPPORTED"),
      hint);
}

}  // namespace

absl::StatusOr<std::string> MountOption(const Mount& mount) {
  // The reader turns CR LF inside quotes into LF: another path would be mounted.
  for (const auto& path : {mount.source, mount.target}) {
    if (path.native().find('\r') != std::string::npos || path.empty()) {
      return InvalidArgument("a path with a carriage return or none cannot be mounted");
    }
  }
  std::string option = "type=bind," + CsvField("source=" + mount.source.native()) + "," +
                       CsvField("target=" + mount.target.native());
  if (!mount.writable) option += ",readonly";
  return option;
}

absl::Status CheckRuntimeOptions(const RuntimeTraits& traits, const SandboxConfig& config) {
  const ContainerConfig& container = config.container;
  const bool keep_groups = std::find(container.group_add.begin(), container.group_add.end(),
                                     "keep-groups") != container.group_add.end();
  if (keep_groups && traits.name == "docker")
    return Unsupported(traits, "group_add", "Name the groups, or use runtime: podman.");
  WM_RETURN_IF_ERROR(CheckFirewallOptions(config));
  if (traits.shares_kernel) return absl::OkStatus();
  constexpr std::string_view kUseDocker = "Set sandbox.container.runtime: docker.";
  if (!container.devices.empty()) return Unsupported(traits, "devices", kUseDocker);
  if (!container.group_add.empty()) return Unsupported(traits, "group_add", kUseDocker);
  // Only directories can be mounted: the files would stay readable.
  if (!container.excluded_files.empty()) return Unsupported(traits, "excluded_files", kUseDocker);
  // Its flags take whole numbers.
  constexpr std::string_view kUseWhole = "Use a whole number.";
  if (container.cpus.find('.') != std::string::npos) return Unsupported(traits, "cpus", kUseWhole);
  if (container.memory.find('.') != std::string::npos)
    return Unsupported(traits, "memory", kUseWhole);
  return absl::OkStatus();
}

absl::Status CheckRuntimeNetwork(const RuntimeTraits& traits, SandboxNetwork network) {
  if (network == SandboxNetwork::kOpen) return absl::OkStatus();
  if (traits.shares_kernel) return absl::OkStatus();
  const bool isolated = network == SandboxNetwork::kIsolated;
  return WithHint(WithReason(FailedPrecondition("{} containers cannot have {} network", traits.name,
                                                isolated ? "an isolated" : "a firewalled"),
                             "RUNTIME_OPTION_UNSUPPORTED"),
                  "Set sandbox.container.runtime: docker.");
}

namespace {

// With --network=none the engine gives loopback and nothing else, docker-run(1),
// podman-run(1). Behind a firewall it is the default bridge, which has no resolver of
// the engine's, and no IPv6 besides (Documentation/networking/ip-sysctl.rst).
void AddNetwork(const RuntimeTraits& traits, const SandboxSpec& spec,
                std::vector<std::string>& argv) {
  if (spec.network == SandboxNetwork::kOpen) {
    if (traits.add_host)
      argv.insert(argv.end(), {"--add-host", Format("{}:host-gateway", traits.host_name)});
    return;
  }
  if (spec.network == SandboxNetwork::kIsolated) {
    argv.emplace_back("--network=none");
  } else {
    argv.push_back(Format("--network={}", traits.network));
    argv.emplace_back("--sysctl=net.ipv6.conf.all.disable_ipv6=1");
  }
  // What the image names would run without the guest program's filter: the engine's
  // checks, and a program before it.
  argv.insert(argv.end(), {"--no-healthcheck", "--entrypoint", spec.argv[0]});
}

absl::Status AddMounts(const RuntimeTraits& traits, const SandboxSpec& spec,
                       const GuardedFiles& guarded, std::vector<std::string>& argv) {
  for (const Mount& mount : spec.mounts) {
    WM_ASSIGN_OR_RETURN(std::string option, MountOption(mount));
    if (!traits.file_mounts && option.find('"') != std::string::npos) {
      return WithHint(
          WithReason(InvalidArgument("{}: {} mounts no path with a comma or a quotation mark",
                                     Printable(mount.source.native()), traits.name),
                     "MOUNT_PATH_INVALID"),
          "Rename the directory, or set sandbox.container.runtime: docker.");
    }
    argv.insert(argv.end(), {"--mount", std::move(option)});
  }
  for (const auto& path : guarded.read_only)
    argv.insert(argv.end(), {"--read-only-path", path.native()});
  for (const auto& path : guarded.hidden) argv.insert(argv.end(), {"--masked-path", path.native()});
  return absl::OkStatus();
}

// What `verb` ("create", "run") is told; `more` are options of its own.
absl::StatusOr<EngineCall> BuildMakingCall(const RuntimeTraits& traits, const EngineFacts& facts,
                                           const SandboxSpec& spec, const GuardedFiles& guarded,
                                           std::string_view verb,
                                           const std::vector<std::string>& more) {
  WM_RETURN_IF_ERROR(CheckName(spec.name));
  if (spec.image.empty() || spec.image[0] == '-')
    return InvalidArgument("{}: not an image", spec.image);
  if (spec.argv.empty()) return InvalidArgument("a sandbox without a command");
  WM_RETURN_IF_ERROR(CheckRuntimeNetwork(traits, spec.network));
  WM_RETURN_IF_ERROR(CheckRestricted(spec));
  WM_ASSIGN_OR_RETURN(EnvDelivery delivery, DeliverEnv(spec.env, traits.descriptors, kEnvFile));

  EngineCall call;
  call.argv = {std::string(traits.program)};
  const std::string& oci_runtime = spec.container.oci_runtime;
  // podman(1) has the option before the command, docker-create(1) after it.
  const bool has_runtime = traits.shares_kernel && !oci_runtime.empty();
  if (has_runtime && traits.name == "podman") call.argv.push_back("--runtime=" + oci_runtime);
  call.argv.emplace_back(verb);
  if (has_runtime && traits.name != "podman") call.argv.push_back("--runtime=" + oci_runtime);
  if (traits.shares_kernel) call.argv.emplace_back("--pull=never");
  call.argv.insert(call.argv.end(), more.begin(), more.end());
  AddIdentity(spec, call.argv);
  AddRestrictions(traits, facts, spec, call.argv);
  AddUser(traits, facts, spec, call.argv);
  call.argv.insert(call.argv.end(), {"--workdir", spec.cwd.native()});
  WM_RETURN_IF_ERROR(AddMounts(traits, spec, guarded, call.argv));
  AddNetwork(traits, spec, call.argv);
  call.argv.emplace_back("--interactive");
  if (spec.tty) call.argv.emplace_back("--tty");
  call.argv.insert(call.argv.end(), delivery.arguments.begin(), delivery.arguments.end());
  call.argv.insert(call.argv.end(), {"--", spec.image});
  const bool has_entrypoint = spec.network != SandboxNetwork::kOpen;
  call.argv.insert(call.argv.end(), spec.argv.begin() + (has_entrypoint ? 1 : 0), spec.argv.end());
  call.env = std::move(delivery.client_env);
  call.files.push_back(std::move(delivery.file));
  return call;
}

}  // namespace

absl::StatusOr<EngineCall> BuildCreateCall(const RuntimeTraits& traits, const EngineFacts& facts,
                                           const SandboxSpec& spec, const GuardedFiles& guarded) {
  return BuildMakingCall(traits, facts, spec, guarded, "create", {});
}

absl::StatusOr<EngineCall> BuildRunCall(const RuntimeTraits& traits, const EngineFacts& facts,
                                        const SandboxSpec& spec, const StartGate::Files& files) {
  std::vector<std::string> more;
  if (!files.id.empty()) more.insert(more.end(), {"--cidfile", files.id.native()});
  if (!files.pid.empty()) more.insert(more.end(), {"--pidfile", files.pid.native()});
  if (traits.detaches) more.insert(more.end(), {"--detach-keys", kDetachKeys});
  return BuildMakingCall(traits, facts, spec, {}, "run", more);
}

EngineCall BuildStartCall(const RuntimeTraits& traits, std::string_view name) {
  EngineCall call;
  call.argv = {std::string(traits.program), "start", "--attach", "--interactive"};
  if (traits.detaches) call.argv.insert(call.argv.end(), {"--detach-keys", kDetachKeys});
  call.argv.insert(call.argv.end(), {"--", std::string(name)});
  return call;
}

absl::StatusOr<EngineCall> BuildExecCall(const RuntimeTraits& traits, const SandboxSpec& spec,
                                         std::span<const std::string> command, bool tty) {
  WM_RETURN_IF_ERROR(CheckName(spec.name));
  if (command.empty()) return InvalidArgument("no command to run in {}", spec.name);
  WM_ASSIGN_OR_RETURN(EnvDelivery delivery, DeliverEnv(spec.env, traits.descriptors, kEnvFile));
  EngineCall call;
  call.argv = {std::string(traits.program), "exec", "--interactive"};
  if (tty) call.argv.emplace_back("--tty");
  if (traits.detaches) call.argv.insert(call.argv.end(), {"--detach-keys", kDetachKeys});
  call.argv.insert(call.argv.end(), {"--user", User(spec), "--workdir", spec.cwd.native()});
  call.argv.insert(call.argv.end(), delivery.arguments.begin(), delivery.arguments.end());
  call.argv.insert(call.argv.end(), {"--", spec.name});
  if (spec.network != SandboxNetwork::kOpen)
    call.argv.insert(call.argv.end(), {std::string(kGuestBinDir) + "/workmux", "join"});
  call.argv.insert(call.argv.end(), command.begin(), command.end());
  call.env = std::move(delivery.client_env);
  call.files.push_back(std::move(delivery.file));
  return call;
}

EngineCall BuildLogsCall(const RuntimeTraits& traits, std::string_view name,
                         const LogsWanted& wanted) {
  EngineCall call;
  call.argv = {std::string(traits.program), "logs"};
  if (wanted.follow) call.argv.emplace_back("--follow");
  // Apple's client knows the short form only.
  const std::string lines = Format("{}", wanted.lines);
  if (wanted.lines > 0 && traits.shares_kernel) {
    call.argv.insert(call.argv.end(), {"--tail", lines});
  } else if (wanted.lines > 0) {
    call.argv.insert(call.argv.end(), {"-n", lines});
  }
  call.argv.insert(call.argv.end(), {"--", std::string(name)});
  return call;
}

}  // namespace workmux::daemon
