#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>

namespace workmux::daemon {

// What workmux knows of a worktree and git does not.
struct WorktreeRecord {
  std::string branch;
  std::string base;   // short branch name or commit-ish it was made from; empty: not known
  std::string token;  // of its windows, 32 hex digits
  std::int64_t created_unix = 0;  // seconds; 0: not made by workmux
  bool operator==(const WorktreeRecord&) const = default;
};

// Keyed by (common git directory, path). Thread-safe.
class WorktreeRecords {
 public:
  virtual ~WorktreeRecords() = default;
  virtual absl::Status Put(const std::filesystem::path& common_dir,
                           const std::filesystem::path& path, const WorktreeRecord& record) = 0;
  virtual absl::StatusOr<std::optional<WorktreeRecord>> Get(const std::filesystem::path& common_dir,
                                                            const std::filesystem::path& path) = 0;
  virtual absl::StatusOr<std::map<std::filesystem::path, WorktreeRecord>> List(
      const std::filesystem::path& common_dir) = 0;
  // Common directories of the repositories that have any.
  virtual absl::StatusOr<std::set<std::filesystem::path>> Repositories() = 0;
  // Absent is success.
  virtual absl::Status Erase(const std::filesystem::path& common_dir,
                             const std::filesystem::path& path) = 0;
};

}  // namespace workmux::daemon
