#include "daemon/domain/kept_out_files.h"

#include <algorithm>

namespace workmux::daemon {

namespace fs = std::filesystem;

KeptOutFiles::KeptOutFiles(const fs::path& root, std::span<const fs::path> relative) {
  for (const fs::path& path : relative) {
    paths_.push_back((root / path).lexically_normal());
    // A host that replaces the file in this moment changes its inode, not its name.
    std::error_code error;
    fs::path real = fs::weakly_canonical(paths_.back(), error);
    if (!error && real != paths_.back()) paths_.push_back(std::move(real));
  }
}

bool KeptOutFiles::Holds(const fs::path& path, const struct stat& info) const {
  if (paths_.empty()) return false;
  std::error_code error;
  const fs::path real = fs::weakly_canonical(path, error);
  return std::any_of(paths_.begin(), paths_.end(), [&](const fs::path& kept) {
    if (path == kept || (!error && real == kept)) return true;
    struct stat there {};
    return S_ISREG(info.st_mode) && ::stat(kept.c_str(), &there) == 0 &&
           there.st_dev == info.st_dev && there.st_ino == info.st_ino;
  });
}

}  // namespace workmux::daemon
