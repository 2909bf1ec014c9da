#include "daemon/domain/excluded_files.h"

#include <algorithm>

#include "common/base/status.h"
#include "common/base/strings.h"

namespace workmux::daemon {
namespace {

namespace fs = std::filesystem;

bool IsAbsent(const std::error_code& error) {
  return error == std::errc::no_such_file_or_directory || error == std::errc::not_a_directory;
}

// The file that `path` leads to; empty: there is none.
absl::StatusOr<fs::path> FileAt(const fs::path& path) {
  std::error_code error;
  const fs::file_status entry = fs::symlink_status(path, error);
  if (entry.type() == fs::file_type::not_found || IsAbsent(error)) return fs::path();
  if (error) return ErrnoStatus(error.value(), path.native());
  fs::path real = fs::canonical(path, error);
  // A link that leads nowhere shows the sandbox nothing.
  if (IsAbsent(error)) return fs::path();
  if (error) return ErrnoStatus(error.value(), path.native());
  if (fs::is_regular_file(real, error)) return real;
  if (error) return ErrnoStatus(error.value(), path.native());
  return WithHint(
      WithReason(FailedPrecondition("sandbox.container.excluded_files: {}: is no regular file",
                                    Printable(path.native())),
                 "EXCLUDED_FILE_INVALID"),
      "List the files themselves.");
}

std::string Note(const fs::path& path, std::string_view text) {
  return Format("sandbox.container.excluded_files: {}: {}", Printable(path.native()), text);
}

}  // namespace

absl::StatusOr<ExcludedFiles> FindExcludedFiles(const std::vector<fs::path>& relative,
                                                const Worktree& worktree) {
  std::vector<fs::path> roots = {worktree.path};
  const fs::path& main = worktree.repository.main_worktree;
  if (!main.empty() && main != worktree.path) roots.push_back(main);
  ExcludedFiles excluded;
  for (const fs::path& path : relative) {
    bool found = false;
    for (const fs::path& root : roots) {
      WM_ASSIGN_OR_RETURN(fs::path file, FileAt(root / path));
      if (file.empty()) continue;
      found = true;
      if (std::find(excluded.files.begin(), excluded.files.end(), file) != excluded.files.end())
        continue;
      std::error_code error;
      if (fs::hard_link_count(file, error) > 1 || error)
        excluded.warnings.push_back(
            Note(file, "has another name, by which the sandbox may reach it"));
      excluded.files.push_back(std::move(file));
    }
    if (!found)
      excluded.warnings.push_back(
          Note(path, "does not exist; a file made there later is not hidden"));
  }
  return excluded;
}

}  // namespace workmux::daemon
