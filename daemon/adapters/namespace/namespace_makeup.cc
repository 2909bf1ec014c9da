// How a namespace sandbox looks from inside, and how a probe gets into it.

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "common/base/status.h"
#include "common/io/file.h"
#include "common/os/mount_points.h"
#include "common/process/posix_command_runner.h"
#include "daemon/adapters/namespace/host_skeleton.h"
#include "daemon/adapters/namespace/namespace_backend.h"
#include "daemon/adapters/namespace/sandbox_processes.h"
#include "daemon/domain/byte_size.h"
#include "daemon/domain/mount_plan.h"

namespace workmux::daemon {
namespace {

namespace fs = std::filesystem;

// Of bwrap's two layers the inner one: its first process is number 1 two namespaces
// down, and no process of the sandbox can make another such.
const ProcessEntry* InnerInit(const SandboxProcesses& sandbox) {
  for (const ProcessEntry& member : sandbox.members) {
    const bool one_below = member.pids.size() == sandbox.init.pids.size() + 1;
    if (one_below && member.pids.back() == 1 && !member.zombie) return &member;
  }
  return nullptr;
}

// With the mounts of the host that lie below.
void AddReadOnly(const fs::path& path, const std::vector<std::string>& mount_points,
                 SandboxMakeup& makeup) {
  makeup.mounts.push_back({.target = path, .filesystem = {}, .read_only = true});
  for (const fs::path& point : MountPointsBelow(mount_points, path))
    makeup.mounts.push_back({.target = point, .filesystem = {}, .read_only = true});
}

}  // namespace

absl::StatusOr<SandboxMakeup> NamespaceBackend::Describe(const SandboxSpec& spec,
                                                         const Env& caller) {
  SandboxMakeup makeup;
  WM_ASSIGN_OR_RETURN(const std::string mountinfo, ReadFile("/proc/self/mountinfo", 8u << 20));
  const std::vector<std::string> points = MountPoints(mountinfo);
  const HostSkeleton skeleton = ReadHostSkeleton(caller, spec.uid, spec.gid, spec.home);
  makeup.mounts.push_back(
      {.target = "/", .filesystem = "tmpfs", .read_only = true, .required = true});
  for (const fs::path& dir : skeleton.directories) AddReadOnly(dir, points, makeup);
  for (const fs::path& file : skeleton.etc) AddReadOnly(file, points, makeup);
  for (const fs::path& program : spec.programs) AddReadOnly(program, points, makeup);
  makeup.mounts.push_back({.target = "/proc", .filesystem = "proc", .required = true});
  makeup.mounts.push_back({.target = "/proc", .below = true, .filesystem = "proc"});
  makeup.mounts.push_back(
      {.target = "/dev", .filesystem = "tmpfs", .read_only = true, .required = true});
  makeup.mounts.push_back({.target = "/dev", .below = true, .filesystem = {}});
  for (const fs::path& dir : {fs::path("/dev/shm"), fs::path("/tmp"), fs::path("/var/tmp"),
                              fs::path("/run"), spec.home}) {
    makeup.mounts.push_back({.target = dir,
                             .filesystem = "tmpfs",
                             .required = true,
                             .size = ByteSize(spec.container.tmpfs_size)});
  }
  // setrlimit(2): root is not bound by it.
  if (spec.uid != 0) makeup.user_processes = static_cast<std::uint64_t>(spec.container.pids);
  if (!spec.container.memory.empty() || !spec.container.cpus.empty())
    makeup.weakened.emplace_back("the namespace backend limits no memory and no CPUs");
  makeup.host_groups = true;
  makeup.outside_probe = true;
  return makeup;
}

// The kernel makes the sandbox; bwrap's file says which bwrap asks for it.
absl::StatusOr<SandboxProvenance> NamespaceBackend::Provenance(const std::string&) {
  WM_ASSIGN_OR_RETURN(const Programs programs, FindPrograms());
  struct stat info {};
  if (::stat(programs.bwrap.c_str(), &info) != 0)
    return ErrnoStatus(errno, programs.bwrap.native());
  return SandboxProvenance{Format("namespace {}:{}:{}:{}.{}", info.st_dev, info.st_ino,
                                  info.st_size, info.st_mtim.tv_sec, info.st_mtim.tv_nsec),
                           {}};
}

absl::StatusOr<ExecPlan> NamespaceBackend::PlanProbe(const SandboxSpec& spec, const Env&) {
  absl::StatusOr<fs::path> nsenter = FindProgram("nsenter", env_);
  if (!nsenter.ok()) {
    return WithHint(
        WithReason(FailedPrecondition("nsenter is not installed"), "RUNTIME_NOT_INSTALLED"),
        "Install it: `sudo apt install util-linux`.");
  }
  WM_ASSIGN_OR_RETURN(const std::vector<ProcessEntry> processes, ReadProcesses(::getuid()));
  for (const SandboxProcesses& sandbox : FindSandboxes(processes)) {
    if (sandbox.marker.name != spec.name) continue;
    const ProcessEntry* init = InnerInit(sandbox);
    if (init == nullptr) break;
    ExecPlan plan;
    // In two steps: bwrap gives its processes a user namespace below the one that owns
    // their mounts, and nobody joins the owner's from there. Without more rights than
    // the processes it looks at; those of another user than root go with execution.
    // All programs after the first are the sandbox's read-only ones.
    plan.argv = {nsenter->string(),
                 Format("--target={}", init->pid),
                 Format("--user=/proc/{}/ns/user", sandbox.init.pid),
                 "--mount",
                 "--pid",
                 "--ipc",
                 "--preserve-credentials",
                 "--",
                 "/usr/bin/nsenter",
                 "--target=1",
                 "--user",
                 "--preserve-credentials",
                 "--"};
    plan.argv.insert(plan.argv.end(), {"/usr/bin/setpriv", "--no-new-privs", "--inh-caps=-all"});
    if (spec.uid == 0) plan.argv.emplace_back("--bounding-set=-all");
    plan.argv.insert(plan.argv.end(), {"--", std::string(kGuestBinDir) + "/workmux", "probe"});
    plan.cwd = "/";
    return plan;
  }
  return WithReason(Unavailable("{} does not run any more", spec.name), "SANDBOX_NOT_FOUND");
}

}  // namespace workmux::daemon
