#pragma once

#include <sys/stat.h>

#include <filesystem>
#include <span>
#include <vector>

namespace workmux::daemon {

// Files of a directory that must not come into another one, under whatever name.
// Blocking.
class KeptOutFiles {
 public:
  KeptOutFiles() = default;
  // `relative` to `root`; they need not exist, now or ever.
  KeptOutFiles(const std::filesystem::path& root, std::span<const std::filesystem::path> relative);

  // Whether the file at `path` (absolute; `info` is its stat(2)) is one of them, by
  // its path, by what its path leads to through links, or as another hard link.
  bool Holds(const std::filesystem::path& path, const struct stat& info) const;
  bool empty() const { return paths_.empty(); }

 private:
  std::vector<std::filesystem::path> paths_;
};

}  // namespace workmux::daemon
