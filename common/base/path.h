#pragma once

#include <algorithm>
#include <filesystem>

namespace workmux {

// Whether `path` is `dir` or lies below it; both absolute and normal, neither
// with a slash at its end. Compares names only and follows no link.
inline bool IsWithin(const std::filesystem::path& path, const std::filesystem::path& dir) {
  const auto [in_dir, in_path] = std::mismatch(dir.begin(), dir.end(), path.begin(), path.end());
  return in_dir == dir.end();
}

}  // namespace workmux
