#pragma once

// Names that are derived from other names. Pure: nothing here looks at a disk.

#include <absl/status/statusor.h>

#include <filesystem>
#include <string>
#include <string_view>

#include "daemon/config/config.h"
#include "daemon/domain/types.h"

namespace workmux::daemon {

// Bytes of a handle. NAME_MAX (255, limits.h) less what is put around it: the
// trash directory's prefix and time, the prompt file's prefix and suffix.
inline constexpr std::size_t kMaxHandleBytes = 200;

// Lower-case ASCII letters, digits, and whatever is printable beyond ASCII; all
// else becomes one '-' between words. Never empty, never starts with '.' or '-'.
// What is longer than kMaxHandleBytes is cut and gets a hash of the whole.
std::string Slugify(std::string_view text);

// The directory name of a branch's worktree.
std::string HandleFor(std::string_view branch, const Config& config);

// kInvalidArgument with a reason that a person understands. git's own rules are
// checked by git; these are the names that git takes and that still fail later.
absl::Status CheckBranchText(std::string_view branch);

// The repository's name: its main worktree's directory; for a bare one the git
// directory without ".git", or the directory around ".git" and ".bare".
std::string ProjectName(const Repository& repository);

// The directory that new worktrees stand in. `text` is the configured template:
// "~" and {project} are expanded, a relative one counts from the main worktree;
// empty means the sibling "<project>__worktrees".
absl::StatusOr<std::filesystem::path> WorktreeDirectory(const Repository& repository,
                                                        std::string_view text,
                                                        const std::filesystem::path& home);

// "<prefix><handle>" without control characters; {project} in the prefix expands.
std::string WindowName(const Repository& repository, const Config& config, std::string_view handle);

// The name to take when another repository's window has `window` already.
std::string QualifiedWindowName(std::string_view window, const Repository& repository);

// "<name>-2", "<name>-3", …
std::string NumberedWindowName(std::string_view window, unsigned number);

// ".workmux_trash_<handle>_<unix>"
std::string TrashName(std::string_view handle, long long unix_seconds);
inline constexpr char kRecoveryRefs[] = "refs/workmux/trash/";
// "refs/workmux/trash/<handle>-<unix>", always a valid ref.
std::string RecoveryRef(std::string_view handle, long long unix_seconds);

}  // namespace workmux::daemon
