#include "daemon/domain/mount_sources.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "common/base/status.h"
#include "common/base/strings.h"
#include "daemon/domain/mount_plan.h"

namespace workmux::daemon {
namespace {

namespace fs = std::filesystem;

absl::Status Changed(const fs::path& path) {
  return WithHint(
      WithReason(FailedPrecondition("{}: leads elsewhere by now", Printable(path.native())),
                 "MOUNT_SOURCE_CHANGED"),
      "Look at what replaced it, then start the sandbox again.");
}

absl::Status Missing(const fs::path& path) {
  return WithHint(WithReason(FailedPrecondition("{}: does not exist and cannot be mounted",
                                                Printable(path.native())),
                             "MOUNT_SOURCE_MISSING"),
                  "Create the directory or remove its entry from extra_mounts.");
}

}  // namespace

absl::StatusOr<MountSources::Source> MountSources::Look(const Mount& mount) {
  const fs::path& path = mount.source;
  std::error_code error;
  const fs::path real = fs::canonical(path, error);
  if (error == std::errc::no_such_file_or_directory || error == std::errc::not_a_directory)
    return Missing(path);
  if (error) return ErrnoStatus(error.value(), path.native());
  if (real != path) return Changed(path);
  struct stat info {};
  if (::lstat(path.c_str(), &info) != 0) {
    return errno == ENOENT ? Missing(path) : ErrnoStatus(errno, path.native());
  }
  // A link that came between the two calls.
  if (S_ISLNK(info.st_mode)) return Changed(path);
  return Source{path, mount.target, info.st_dev, info.st_ino};
}

absl::StatusOr<MountSources> MountSources::Record(std::span<const Mount> mounts) {
  MountSources recorded;
  for (const Mount& mount : mounts) {
    WM_ASSIGN_OR_RETURN(Source source, Look(mount));
    recorded.sources_.push_back(std::move(source));
  }
  return recorded;
}

absl::Status MountSources::CheckUnchanged() const {
  for (const Source& source : sources_) {
    WM_ASSIGN_OR_RETURN(const Source now, Look({source.path, source.target, false}));
    if (now.device != source.device || now.inode != source.inode) return Changed(source.path);
  }
  return absl::OkStatus();
}

std::string MountSources::Describe(const Source& source) {
  // Signed, as the guest reads them: overlay file systems set an inode's highest bits.
  return Format("{}:{}:{}", static_cast<long long>(source.device),
                static_cast<long long>(source.inode), source.target.native());
}

void MountSources::GuardStart(SandboxSpec& spec) const {
  const auto reference = std::find_if(sources_.begin(), sources_.end(), [](const Source& source) {
    return source.target == kGuestBinDir;
  });
  if (reference == sources_.end()) return;
  std::string mounts = Describe(*reference);
  for (const Source& source : sources_) mounts += "\t" + Describe(source);
  spec.env["WM_MOUNTS"] = std::move(mounts);
  spec.argv.insert(spec.argv.begin(), {std::string(kGuestBinDir) + "/workmux", "enter"});
}

}  // namespace workmux::daemon
