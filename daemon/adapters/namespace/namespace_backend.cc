#include "daemon/adapters/namespace/namespace_backend.h"

#include <unistd.h>

#include <algorithm>

#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/io/file.h"
#include "common/os/socket_filter.h"
#include "common/process/posix_command_runner.h"
#include "daemon/adapters/namespace/bwrap_argv.h"
#include "daemon/adapters/namespace/host_skeleton.h"
#include "daemon/adapters/namespace/sandbox_processes.h"
#include "daemon/adapters/namespace/seccomp_filter.h"

namespace workmux::daemon {
namespace {

namespace fs = std::filesystem;

// A switch of the kernel's or a distribution's: how it reads when it forbids
// user namespaces, and what to do then.
struct KernelSwitch {
  const char* file;
  std::string_view forbids;
  const char* hint;
};
constexpr KernelSwitch kSwitches[] = {
    {"/proc/sys/user/max_user_namespaces", "0",
     "Run `sudo sysctl user.max_user_namespaces=15000`."},
    {"/proc/sys/kernel/unprivileged_userns_clone", "0",
     "Run `sudo sysctl kernel.unprivileged_userns_clone=1`."},
    {"/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1",
     "Install an AppArmor profile for bwrap or run `sudo sysctl "
     "kernel.apparmor_restrict_unprivileged_userns=0`."},
};

absl::Status ExplainProbe(const CommandResult& result) {
  const std::string said = Printable(Trim(result.err));
  for (const KernelSwitch& kernel_switch : kSwitches) {
    const absl::StatusOr<std::string> value = ReadFile(kernel_switch.file);
    if (!value.ok() || Trim(*value) != kernel_switch.forbids) continue;
    return WithHint(
        WithReason(
            FailedPrecondition("this system forbids user namespaces to ordinary users: {}", said),
            "USER_NAMESPACES_FORBIDDEN"),
        kernel_switch.hint);
  }
  const bool denied = said.find("Permission denied") != std::string::npos ||
                      said.find("Operation not permitted") != std::string::npos ||
                      said.find("No permissions") != std::string::npos;
  if (denied) {
    return WithHint(
        WithReason(FailedPrecondition("bubblewrap may not make namespaces here: {}", said),
                   "USER_NAMESPACES_FORBIDDEN"),
        "Allow user namespaces (inside a container: give it a seccomp profile that does) or set "
        "sandbox.backend: container.");
  }
  return WithReason(Internal("bubblewrap: {}", said), "RUNTIME_FAILED");
}

std::vector<ProgramView> ViewPrograms(const std::vector<fs::path>& paths) {
  std::vector<ProgramView> views;
  for (const fs::path& path : paths) {
    std::error_code error;
    ProgramView view{path, std::nullopt};
    if (fs::is_symlink(fs::symlink_status(path, error)))
      view.link_target = fs::read_symlink(path, error).string();
    // An installation that has gone since: the command will say what is missing.
    if (fs::exists(path, error)) views.push_back(std::move(view));
  }
  return views;
}

}  // namespace

NamespaceBackend::NamespaceBackend(CommandRunner& runner, Env environment, fs::path guest_dir)
    : runner_(runner), env_(std::move(environment)), guest_dir_(std::move(guest_dir)) {}

absl::StatusOr<NamespaceBackend::Programs> NamespaceBackend::FindPrograms() const {
  const auto find = [&](std::string_view program, const char* package) -> absl::StatusOr<fs::path> {
    absl::StatusOr<fs::path> path = FindProgram(program, env_);
    if (path.ok()) return path;
    return WithHint(
        WithReason(FailedPrecondition("{} is not installed", program), "RUNTIME_NOT_INSTALLED"),
        Format("Install it: `sudo apt install {}`.", package));
  };
  Programs programs;
  WM_ASSIGN_OR_RETURN(programs.bwrap, find("bwrap", "bubblewrap"));
  WM_ASSIGN_OR_RETURN(programs.prlimit, find("prlimit", "util-linux"));
  return programs;
}

// Only an attempt tells: the kernel, AppArmor, a surrounding container and the
// file's own bits each can forbid it.
absl::Status NamespaceBackend::Probe(std::stop_token stop) {
  {
    const MutexLock lock(mu_);
    if (probed_) return absl::OkStatus();
  }
  WM_ASSIGN_OR_RETURN(const Programs programs, FindPrograms());
  Command command;
  // In two layers, as a sandbox is made: a profile may allow the first alone.
  const std::string bwrap = programs.bwrap.string();
  command.argv = {bwrap, "--unshare-user", "--unshare-pid", "--unshare-uts", "--dev-bind", "/", "/",
                  "--"};
  command.argv.insert(
      command.argv.end(),
      {bwrap, "--unshare-user", "--unshare-pid", "--unshare-ipc", "--ro-bind", "/", "/", "--proc",
       "/proc", "--dev", "/dev", "--", programs.prlimit.string(), "--version"});
  command.cwd = "/";
  command.env = {{"LC_ALL", "C.UTF-8"}};
  RunOptions options;
  options.stop = std::move(stop);
  WM_ASSIGN_OR_RETURN(const CommandResult result, runner_.Run(command, options));
  if (!result.exit.ok()) return ExplainProbe(result);
  const MutexLock lock(mu_);
  probed_ = true;
  return absl::OkStatus();
}

absl::Status NamespaceBackend::Check(std::string_view, const Env&) {
  WM_RETURN_IF_ERROR(FindPrograms().status());
  return Probe({});
}

absl::Status NamespaceBackend::CheckNetwork(SandboxNetwork network) {
  return CheckBwrapNetwork(network);
}

absl::StatusOr<SandboxBackend::BridgeAddress> NamespaceBackend::Bridge(const Env&) {
  // The network is the host's, loopback included. An isolated one connects through
  // the mounted socket.
  return BridgeAddress{"127.0.0.1", "127.0.0.1"};
}

absl::Status NamespaceBackend::Prepare(const SandboxSpec& spec, ProgressSink& progress,
                                       std::stop_token stop) {
  progress.Step("create", Format("Preparing the sandbox {}", spec.name));
  if (spec.uid != ::getuid() || spec.gid != ::getgid()) {
    return InvalidArgument("a namespace sandbox runs as its own user only, not as {}:{}", spec.uid,
                           spec.gid);
  }
  if (!spec.container.memory.empty() || !spec.container.cpus.empty()) {
    progress.Warn("The namespace backend does not limit memory or CPUs.");
  }
  if (spec.uid == 0) progress.Warn("A namespace sandbox of root has no limit on its processes.");
  return Probe(std::move(stop));
}

absl::StatusOr<ExecPlan> NamespaceBackend::PlanRun(const SandboxSpec& spec, const Env& caller) {
  WM_ASSIGN_OR_RETURN(const Programs programs, FindPrograms());
  BwrapInput input;
  input.bwrap = programs.bwrap;
  input.prlimit = programs.prlimit;
  input.skeleton = ReadHostSkeleton(caller, spec.uid, spec.gid, spec.home);
  input.programs = ViewPrograms(spec.programs);
  WM_ASSIGN_OR_RETURN(input.seccomp, BuildSeccompFilter());
  if (spec.network != SandboxNetwork::kOpen) {
    const std::vector<sock_filter> filter = SocketFilter();
    for (const sock_filter& instruction : filter)
      input.socket_filter.append(reinterpret_cast<const char*>(&instruction), sizeof instruction);
  }
  return BuildBwrapPlan(spec, input);
}

absl::StatusOr<ExecPlan> NamespaceBackend::PlanAttach(const SandboxSpec& spec,
                                                      std::span<const std::string>, bool,
                                                      const Env&) {
  return WithHint(
      WithReason(Unimplemented("{}: nothing can join a running namespace sandbox", spec.name),
                 "ATTACH_NOT_SUPPORTED"),
      "Run `workmux sandbox shell` without --exec for a sandbox with the same mounts.");
}

absl::StatusOr<ExecPlan> NamespaceBackend::PlanLogs(std::string_view name, const LogsWanted&,
                                                    const Env&) {
  return WithHint(WithReason(Unimplemented("{}: the output of a namespace sandbox is not kept",
                                           std::string(name)),
                             "LOGS_NOT_KEPT"),
                  "Look at its pane; `workmux status` names it.");
}

absl::StatusOr<SandboxExit> NamespaceBackend::ConfirmExit(std::string_view, ExitStatus seen) {
  // bwrap and prlimit hand the command's code on; 126 and 127 mean what they do
  // in a shell, 1 with a message of bwrap's own is a failed start.
  return SandboxExit{seen.ShellCode(), ""};
}

absl::Status NamespaceBackend::Stop(std::string_view name, std::chrono::seconds grace) {
  return StopSandbox(name, ::getuid(), grace);
}

absl::Status NamespaceBackend::Release(std::string_view name) {
  return StopSandbox(name, ::getuid(), std::chrono::milliseconds::zero());
}

absl::StatusOr<std::vector<SandboxInfo>> NamespaceBackend::List() {
  WM_ASSIGN_OR_RETURN(const std::vector<ProcessEntry> processes, ReadProcesses(::getuid()));
  std::vector<SandboxInfo> infos;
  for (const SandboxProcesses& sandbox : FindSandboxes(processes)) {
    infos.push_back({sandbox.marker.name, sandbox.marker.session_id, true});
  }
  return infos;
}

absl::StatusOr<std::map<std::string, SandboxUsage>> NamespaceBackend::Usage(
    std::span<const std::string> names) {
  WM_ASSIGN_OR_RETURN(const std::vector<ProcessEntry> processes, ReadProcesses(::getuid()));
  std::map<std::string, SandboxUsage> usage;
  for (const SandboxProcesses& sandbox : FindSandboxes(processes)) {
    if (std::find(names.begin(), names.end(), sandbox.marker.name) == names.end()) continue;
    SandboxUsage& sum = usage[sandbox.marker.name];
    for (const ProcessEntry& member : sandbox.members) AddProcessUsage(member.pid, sum);
  }
  return usage;
}

}  // namespace workmux::daemon
