#include "daemon/adapters/container/run_argv.h"

#include <algorithm>

#include "common/base/status.h"
#include "daemon/adapters/container/env_delivery.h"

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

void AddRestrictions(const SandboxSpec& spec, std::vector<std::string>& argv) {
  argv.insert(argv.end(),
              {"--init", "--cap-drop=ALL", "--security-opt=no-new-privileges",
               Format("--pids-limit={}", spec.pids_limit),
               // Everything the agent prints would be kept on the host, without a limit.
               "--log-driver=none"});
  // Equal limits: without the second the container may swap as much again.
  if (!spec.memory.empty()) {
    argv.insert(argv.end(), {"--memory=" + spec.memory, "--memory-swap=" + spec.memory});
  }
  if (!spec.cpus.empty()) argv.push_back("--cpus=" + spec.cpus);
}

std::string User(const SandboxSpec& spec) { return Format("{}:{}", spec.uid, spec.gid); }

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

absl::StatusOr<EngineCall> BuildCreateCall(const RuntimeTraits& traits, const SandboxSpec& spec) {
  WM_RETURN_IF_ERROR(CheckName(spec.name));
  if (spec.image.empty() || spec.image[0] == '-')
    return InvalidArgument("{}: not an image", spec.image);
  if (spec.argv.empty()) return InvalidArgument("a sandbox without a command");
  WM_ASSIGN_OR_RETURN(EnvDelivery delivery, DeliverEnv(spec.env, kEnvFile));

  EngineCall call;
  call.argv = {std::string(traits.program), "create", "--pull=never"};
  AddIdentity(spec, call.argv);
  AddRestrictions(spec, call.argv);
  call.argv.insert(call.argv.end(), {"--user", User(spec), "--workdir", spec.cwd.native()});
  for (const Mount& mount : spec.mounts) {
    WM_ASSIGN_OR_RETURN(std::string option, MountOption(mount));
    call.argv.insert(call.argv.end(), {"--mount", std::move(option)});
  }
  if (traits.add_host) {
    call.argv.insert(call.argv.end(), {"--add-host", Format("{}:host-gateway", traits.host_name)});
  }
  call.argv.emplace_back("--interactive");
  if (spec.tty) call.argv.emplace_back("--tty");
  call.argv.insert(call.argv.end(), delivery.arguments.begin(), delivery.arguments.end());
  call.argv.insert(call.argv.end(), {"--", spec.image});
  call.argv.insert(call.argv.end(), spec.argv.begin(), spec.argv.end());
  call.env = std::move(delivery.client_env);
  call.files.push_back(std::move(delivery.file));
  return call;
}

EngineCall BuildStartCall(const RuntimeTraits& traits, std::string_view name) {
  EngineCall call;
  call.argv = {std::string(traits.program),
               "start",
               "--attach",
               "--interactive",
               "--detach-keys",
               kDetachKeys,
               "--",
               std::string(name)};
  return call;
}

absl::StatusOr<EngineCall> BuildExecCall(const RuntimeTraits& traits, const SandboxSpec& spec,
                                         std::span<const std::string> command, bool tty) {
  WM_RETURN_IF_ERROR(CheckName(spec.name));
  if (command.empty()) return InvalidArgument("no command to run in {}", spec.name);
  WM_ASSIGN_OR_RETURN(EnvDelivery delivery, DeliverEnv(spec.env, kEnvFile));
  EngineCall call;
  call.argv = {std::string(traits.program), "exec", "--interactive"};
  if (tty) call.argv.emplace_back("--tty");
  call.argv.insert(call.argv.end(), {"--detach-keys", kDetachKeys, "--user", User(spec),
                                     "--workdir", spec.cwd.native()});
  call.argv.insert(call.argv.end(), delivery.arguments.begin(), delivery.arguments.end());
  call.argv.insert(call.argv.end(), {"--", spec.name});
  call.argv.insert(call.argv.end(), command.begin(), command.end());
  call.env = std::move(delivery.client_env);
  call.files.push_back(std::move(delivery.file));
  return call;
}

}  // namespace workmux::daemon
