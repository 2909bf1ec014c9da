#pragma once

#include <absl/status/statusor.h>
#include <sys/types.h>

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "daemon/domain/sandbox_spec.h"

namespace workmux::daemon {

// What the sources of a sandbox's mounts were when policy looked at them. A
// sandbox that can write above a source can put a link or another directory in
// its place, which the next sandbox would then be given. A value; blocking calls.
class MountSources {
 public:
  // Errors: MOUNT_SOURCE_MISSING, and MOUNT_SOURCE_CHANGED for a source that is
  // not canonical (some part of it is a link by now).
  static absl::StatusOr<MountSources> Record(std::span<const Mount> mounts);
  // The same errors, and MOUNT_SOURCE_CHANGED for another file at the same path.
  absl::Status CheckUnchanged() const;
  // Has the sandbox's command started by the guest's program (guest/enter.h), which
  // looks at the mounts once more from inside. Nothing changes without mounts or
  // without the guest's directory, the file that others are compared beside.
  void GuardStart(SandboxSpec& spec) const;

  struct Source {
    std::filesystem::path path;
    std::filesystem::path target;
    dev_t device = 0;
    ino_t inode = 0;
  };
  const std::vector<Source>& all() const { return sources_; }

 private:
  static absl::StatusOr<Source> Look(const Mount& mount);
  static std::string Describe(const Source& source);

  std::vector<Source> sources_;
};

}  // namespace workmux::daemon
