#include "daemon/adapters/namespace/bwrap_argv.h"

#include <algorithm>
#include <array>
#include <initializer_list>

#include "common/base/status.h"
#include "daemon/domain/byte_size.h"
#include "daemon/domain/mount_plan.h"
#include "daemon/domain/restricted_spec.h"

namespace workmux::daemon {
namespace {

namespace fs = std::filesystem;

// Descriptors of the inherited files.
constexpr int kOuterArgsFd = 3;
constexpr int kArgsFd = 4;
constexpr int kSeccompFd = 5;
constexpr int kPasswdFd = 6;
constexpr int kGroupFd = 7;
constexpr int kSocketFilterFd = 8;

constexpr char kSessionVariable[] = "WM_SESSION_ID";
constexpr std::size_t kMaxHostName = 64;  // sethostname(2)

// The arguments that bwrap reads from a file: each ends with a NUL.
class ArgumentFile {
 public:
  absl::Status Add(std::initializer_list<std::string_view> arguments) {
    for (const std::string_view argument : arguments) {
      if (argument.find('\0') != std::string_view::npos) {
        return InvalidArgument("a path or variable of the sandbox holds a NUL character");
      }
      content_.append(argument);
      content_.push_back('\0');
    }
    return absl::OkStatus();
  }
  std::string Take() { return std::move(content_); }

 private:
  std::string content_;
};

// The outer bwrap makes a pid namespace and nothing else. Programs in the inner
// one run as the user that its first process runs as: where Yama does not forbid
// it they can ptrace that process and make it outlive the client. The first
// process of the outer namespace they cannot even name, and with it all ends. The
// network belongs to the outer user namespace: no capability of the inner one
// administers it.
absl::StatusOr<std::string> OuterArguments(const SandboxSpec& spec) {
  ArgumentFile args;
  WM_RETURN_IF_ERROR(args.Add({"--unshare-user", "--unshare-pid", "--unshare-uts",
                               "--die-with-parent", "--cap-drop", "ALL", "--dev-bind", "/", "/"}));
  // user_namespaces(7): who maps uid 0 needs it; the inner bwrap drops it.
  if (spec.uid == 0) WM_RETURN_IF_ERROR(args.Add({"--cap-add", "CAP_SETFCAP"}));
  if (spec.network == SandboxNetwork::kIsolated) WM_RETURN_IF_ERROR(args.Add({"--unshare-net"}));
  return args.Take();
}

absl::Status AddNamespaces(ArgumentFile& args) {
  // No --new-session: the agent's shell needs the terminal for job control, and
  // the filter refuses what the shared terminal would allow.
  return args.Add({"--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-cgroup-try",
                   "--die-with-parent", "--cap-drop", "ALL", "--clearenv"});
}

// A directory in memory, of the size that was configured.
absl::Status AddTmpfs(const SandboxSpec& spec, const char* mode, const fs::path& dir,
                      ArgumentFile& args) {
  WM_RETURN_IF_ERROR(args.Add({"--perms", mode}));
  const std::string& size = spec.container.tmpfs_size;
  if (size != "0") WM_RETURN_IF_ERROR(args.Add({"--size", Format("{}", ByteSize(size))}));
  return args.Add({"--tmpfs", dir.native()});
}

// The "readonlyPaths" of a container, OCI runtime specification. To the kernel root
// owns the files below even without a capability; bwrap covers only a directory that
// is writable itself, which /proc/sys is not.
absl::Status AddKernelSwitches(ArgumentFile& args) {
  for (const char* path :
       {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"}) {
    WM_RETURN_IF_ERROR(args.Add({"--ro-bind-try", path, path}));
  }
  return absl::OkStatus();
}

absl::Status AddSkeleton(const HostSkeleton& skeleton, const SandboxSpec& spec,
                         ArgumentFile& args) {
  for (const fs::path& dir : skeleton.directories) {
    WM_RETURN_IF_ERROR(args.Add({"--ro-bind", dir.native(), dir.native()}));
  }
  for (const HostSkeleton::Link& link : skeleton.links) {
    WM_RETURN_IF_ERROR(args.Add({"--symlink", link.target, link.path.native()}));
  }
  for (const fs::path& file : skeleton.etc) {
    WM_RETURN_IF_ERROR(args.Add({"--ro-bind-try", file.native(), file.native()}));
  }
  WM_RETURN_IF_ERROR(args.Add({"--perms", "0644", "--file", Format("{}", kPasswdFd), "/etc/passwd",
                               "--perms", "0644", "--file", Format("{}", kGroupFd), "/etc/group"}));
  WM_RETURN_IF_ERROR(args.Add({"--proc", "/proc"}));
  if (spec.uid == 0) WM_RETURN_IF_ERROR(AddKernelSwitches(args));
  WM_RETURN_IF_ERROR(args.Add({"--dev", "/dev"}));
  WM_RETURN_IF_ERROR(AddTmpfs(spec, "1777", "/dev/shm", args));
  // A file system in memory too, which has no size.
  WM_RETURN_IF_ERROR(args.Add({"--remount-ro", "/dev"}));
  for (const char* dir : {"/tmp", "/var/tmp"}) {
    WM_RETURN_IF_ERROR(AddTmpfs(spec, "1777", dir, args));
  }
  WM_RETURN_IF_ERROR(AddTmpfs(spec, "0755", "/run", args));
  if (spec.home == "/tmp") return absl::OkStatus();
  return AddTmpfs(spec, "0700", spec.home, args);
}

absl::Status AddMounts(const SandboxSpec& spec, ArgumentFile& args) {
  for (const Mount& mount : spec.mounts) {
    // Without the device's bind a mask could not even be opened, and tools that
    // expect to read an empty file would stumble.
    const char* bind = mount.source == kMaskSource ? "--dev-bind"
                       : mount.writable            ? "--bind"
                                                   : "--ro-bind";
    WM_RETURN_IF_ERROR(args.Add({bind, mount.source.native(), mount.target.native()}));
  }
  return absl::OkStatus();
}

// The deepest mount that shows `path` at its own place, or none.
const Mount* ShownBy(const SandboxSpec& spec, const fs::path& path) {
  const Mount* shown = nullptr;
  for (const Mount& mount : spec.mounts) {
    if (IsWithin(path, mount.target) && mount.source == mount.target) shown = &mount;
  }
  return shown;
}

// Programs come after the mounts and so lie on top of a writable one: an agent
// installed in its own settings directory stays unwritable. What lies in the
// worktree is the agent's to change.
absl::Status AddPrograms(const SandboxSpec& spec, const BwrapInput& input, ArgumentFile& args) {
  std::vector<ProgramView> programs = input.programs;
  std::sort(programs.begin(), programs.end(),
            [](const ProgramView& a, const ProgramView& b) { return a.path < b.path; });
  fs::path bound;
  for (const ProgramView& program : programs) {
    if (!bound.empty() && IsWithin(program.path, bound)) continue;
    if (IsWithin(program.path, spec.worktree)) continue;
    if (IsWithin(spec.home, program.path)) {
      return InvalidArgument("{}: holds the whole home directory", program.path.native());
    }
    const auto& trees = input.skeleton.directories;
    if (std::any_of(trees.begin(), trees.end(),
                    [&](const fs::path& tree) { return IsWithin(program.path, tree); })) {
      continue;
    }
    const Mount* shown = ShownBy(spec, program.path);
    if (shown != nullptr && (!shown->writable || program.link_target.has_value())) continue;
    if (program.link_target.has_value()) {
      WM_RETURN_IF_ERROR(args.Add({"--symlink", *program.link_target, program.path.native()}));
    } else {
      WM_RETURN_IF_ERROR(args.Add({"--ro-bind", program.path.native(), program.path.native()}));
      bound = program.path;
    }
  }
  return absl::OkStatus();
}

absl::Status AddCommandSettings(const SandboxSpec& spec, ArgumentFile& args) {
  for (const auto& [name, value] : spec.env) {
    if (name.empty() || name.find('=') != std::string::npos)
      return InvalidArgument("a variable without a plain name");
    WM_RETURN_IF_ERROR(args.Add({"--setenv", name, value}));
  }
  return args.Add({"--chdir", spec.cwd.native()});
}

absl::Status CheckSpec(const SandboxSpec& spec) {
  if (spec.argv.empty()) return InvalidArgument("a sandbox without a command");
  if (spec.name.empty() || spec.name.size() > kMaxHostName || spec.name[0] == '-') {
    return InvalidArgument("{}: not a name for a sandbox", spec.name);
  }
  if (!spec.home.is_absolute() || spec.home == "/") {
    return InvalidArgument("{}: not a home directory for a sandbox", spec.home.native());
  }
  WM_RETURN_IF_ERROR(CheckBwrapNetwork(spec.network));
  return CheckRestricted(spec);
}

absl::Status AddFilters(const SandboxSpec& spec, const BwrapInput& input, ArgumentFile& args) {
  if (spec.network != SandboxNetwork::kOpen) {
    if (input.seccomp.empty() || input.socket_filter.empty())
      return Internal("a restricted sandbox without a filter of system calls");
    return args.Add({"--add-seccomp-fd", Format("{}", kSeccompFd), "--add-seccomp-fd",
                     Format("{}", kSocketFilterFd)});
  }
  if (input.seccomp.empty()) return absl::OkStatus();
  return args.Add({"--seccomp", Format("{}", kSeccompFd)});
}

}  // namespace

absl::Status CheckBwrapNetwork(SandboxNetwork network) {
  if (network != SandboxNetwork::kFirewalled) return absl::OkStatus();
  return WithHint(WithReason(FailedPrecondition("a namespace sandbox cannot have a firewall"),
                             "RUNTIME_OPTION_UNSUPPORTED"),
                  "Set sandbox.network.enforcement: isolated.");
}

absl::StatusOr<ExecPlan> BuildBwrapPlan(const SandboxSpec& spec, const BwrapInput& input) {
  WM_RETURN_IF_ERROR(CheckSpec(spec));
  ArgumentFile args;
  WM_RETURN_IF_ERROR(AddNamespaces(args));
  WM_RETURN_IF_ERROR(AddSkeleton(input.skeleton, spec, args));
  WM_RETURN_IF_ERROR(AddMounts(spec, args));
  WM_RETURN_IF_ERROR(AddPrograms(spec, input, args));
  // Last: until here bwrap had to make mount points in it.
  WM_RETURN_IF_ERROR(args.Add({"--remount-ro", "/"}));
  WM_RETURN_IF_ERROR(AddFilters(spec, input, args));
  WM_RETURN_IF_ERROR(AddCommandSettings(spec, args));

  ExecPlan plan;
  const std::string bwrap = input.bwrap.string();
  plan.argv = {bwrap,     "--args",   Format("{}", kOuterArgsFd), "--hostname",
               spec.name, "--setenv", kSessionVariable,           spec.session_id,
               "--"};
  plan.argv.insert(plan.argv.end(),
                   {bwrap, "--args", Format("{}", kArgsFd), "--", input.prlimit.string(),
                    Format("--nproc={0}:{0}", spec.container.pids), "--",
                    // A Ctrl-C reaches every process of the foreground group. It is
                    // the command's to handle; bwrap's own would die of it, and the
                    // sandbox with them.
                    "/usr/bin/env", "--default-signal=INT,QUIT", "--"});
  plan.argv.insert(plan.argv.end(), spec.argv.begin(), spec.argv.end());
  plan.cwd = "/";
  plan.ignore_keyboard_signals = true;
  WM_ASSIGN_OR_RETURN(std::string outer, OuterArguments(spec));
  plan.files.push_back({kOuterArgsFd, std::move(outer)});
  plan.files.push_back({kArgsFd, args.Take()});
  if (!input.seccomp.empty()) plan.files.push_back({kSeccompFd, input.seccomp});
  plan.files.push_back({kPasswdFd, input.skeleton.passwd});
  plan.files.push_back({kGroupFd, input.skeleton.group});
  if (spec.network != SandboxNetwork::kOpen)
    plan.files.push_back({kSocketFilterFd, input.socket_filter});
  return plan;
}

std::optional<SandboxMarker> ParseMarker(const std::vector<std::string>& argv) {
  if (argv.size() < 9 || fs::path(argv[0]).filename() != "bwrap") return std::nullopt;
  if (argv[1] != "--args" || argv[3] != "--hostname" || argv[5] != "--setenv" ||
      argv[6] != kSessionVariable) {
    return std::nullopt;
  }
  return SandboxMarker{argv[4], argv[7]};
}

}  // namespace workmux::daemon
