// How a namespace sandbox looks from inside, and how a probe gets into it.

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "common/base/status.h"
#include "common/io/file.h"
#include "common/os/mount_points.h"
#include "daemon/adapters/namespace/host_skeleton.h"
#include "daemon/adapters/namespace/namespace_backend.h"
#include "daemon/adapters/namespace/sandbox_processes.h"
#include "daemon/domain/byte_size.h"
#include "daemon/domain/mount_plan.h"

namespace workmux::daemon {
namespace {

namespace fs = std::filesystem;

// Of bwrap's two layers the inner one: its processes have their number two namespaces
// down, and no process of the sandbox can make another such with the number 1 or 2
// while these live.
const ProcessEntry* InnerProcess(const SandboxProcesses& sandbox, pid_t number) {
  for (const ProcessEntry& member : sandbox.members) {
    const bool one_below = member.pids.size() == sandbox.init.pids.size() + 1;
    if (one_below && member.pids.back() == number && !member.zombie) return &member;
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
  makeup.mounts.push_back({.target = "/",
                           .filesystem = "tmpfs",
                           .read_only = true,
                           .required = true,
                           .no_privileges = true});
  for (const fs::path& dir : skeleton.directories) AddReadOnly(dir, points, makeup);
  for (const fs::path& file : skeleton.etc) AddReadOnly(file, points, makeup);
  for (const fs::path& program : spec.programs) AddReadOnly(program, points, makeup);
  makeup.mounts.push_back({.target = "/proc", .filesystem = "proc", .required = true});
  makeup.mounts.push_back({.target = "/proc", .below = true, .filesystem = "proc"});
  makeup.mounts.push_back({.target = "/dev",
                           .filesystem = "tmpfs",
                           .read_only = true,
                           .required = true,
                           .no_privileges = true});
  makeup.mounts.push_back({.target = "/dev", .below = true, .filesystem = {}});
  for (const fs::path& dir : {fs::path("/dev/shm"), fs::path("/tmp"), fs::path("/var/tmp"),
                              fs::path("/run"), spec.home}) {
    makeup.mounts.push_back({.target = dir,
                             .filesystem = "tmpfs",
                             .required = true,
                             .size = ByteSize(spec.container.tmpfs_size),
                             .no_privileges = true});
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

// Nothing is run in there: with the same user the sandbox's processes could change what
// a joined namespace makes of a program's name, and take the program over.
absl::StatusOr<ExecPlan> NamespaceBackend::PlanProbe(const SandboxSpec& spec, const Env&) {
  WM_ASSIGN_OR_RETURN(const std::vector<ProcessEntry> processes, ReadProcesses(::getuid()));
  for (const SandboxProcesses& sandbox : FindSandboxes(processes)) {
    if (sandbox.marker.name != spec.name) continue;
    const ProcessEntry* first = InnerProcess(sandbox, 1);
    const ProcessEntry* second = InnerProcess(sandbox, 2);
    if (first == nullptr || second == nullptr) break;
    ExecPlan plan;
    plan.argv = {(guest_dir_ / "workmux").native(), "probe", Format("{}", first->pid),
                 Format("{}", second->pid)};
    plan.cwd = "/";
    return plan;
  }
  return WithReason(Unavailable("{} does not run any more", spec.name), "SANDBOX_NOT_FOUND");
}

}  // namespace workmux::daemon
