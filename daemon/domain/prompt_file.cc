#include "daemon/domain/prompt_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/io/tree.h"
#include "daemon/domain/worktree_naming.h"

namespace workmux::daemon {
namespace {

namespace fs = std::filesystem;

constexpr char kDirectory[] = ".workmux";
constexpr std::string_view kExcludeLine = ".workmux/";
constexpr std::size_t kMaxExcludeBytes = 16u << 20;

absl::StatusOr<std::string> ReadFrom(int fd) {
  std::string content;
  char buffer[16384];
  for (;;) {
    const ssize_t n = ::read(fd, buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return ErrnoStatus(errno, "info/exclude");
    if (n == 0) return content;
    content.append(buffer, static_cast<std::size_t>(n));
    if (content.size() > kMaxExcludeBytes) return ResourceExhausted("info/exclude: too large");
  }
}

}  // namespace

absl::StatusOr<fs::path> WritePromptFile(const Worktree& worktree, std::string_view prompt) {
  if (prompt.size() > kMaxPromptBytes) {
    return WithHint(ResourceExhausted("the prompt has {} bytes, {} are allowed", prompt.size(),
                                      kMaxPromptBytes),
                    "put the long part into a file of the repository and name it in the prompt");
  }
  WM_ASSIGN_OR_RETURN(UniqueFd root, OpenDirectory(worktree.path));
  absl::StatusOr<UniqueFd> dir = MakeDirectoriesAt(root.get(), kDirectory, 0777);
  if (!dir.ok()) {
    return WithHint(WithReason(FailedPrecondition("'{}' is no directory of its own: {}",
                                                  (worktree.path / kDirectory).string(),
                                                  MessageOf(dir.status())),
                               "UNSAFE_PROMPT_DIRECTORY"),
                    "look at what is there and remove it");
  }
  const std::string& from = worktree.branch.empty() ? worktree.handle() : worktree.branch;
  const std::string name = "PROMPT-" + Slugify(from) + ".md";
  WM_RETURN_IF_ERROR(WriteFileAt(dir->get(), name, prompt, 0644));
  return fs::path(kDirectory) / name;
}

absl::Status ExcludeWorkmuxDirectory(const Repository& repository) {
  WM_ASSIGN_OR_RETURN(UniqueFd common, OpenDirectory(repository.common_dir));
  WM_ASSIGN_OR_RETURN(UniqueFd info, MakeDirectoriesAt(common.get(), "info", 0777));
  WM_ASSIGN_OR_RETURN(
      UniqueFd file, OpenAt(info.get(), "exclude", O_RDWR | O_APPEND | O_CREAT | O_NONBLOCK, 0666));
  struct stat stat {};
  if (::fstat(file.get(), &stat) != 0) return ErrnoStatus(errno, "info/exclude");
  if (!S_ISREG(stat.st_mode)) return FailedPrecondition("info/exclude: not a regular file");
  // Two adds at once must not both append.
  while (::flock(file.get(), LOCK_EX) != 0) {
    if (errno != EINTR) return ErrnoStatus(errno, "lock info/exclude");
  }
  WM_ASSIGN_OR_RETURN(const std::string content, ReadFrom(file.get()));
  const std::vector<std::string> lines = SplitLines(content);
  if (std::find(lines.begin(), lines.end(), kExcludeLine) != lines.end()) return absl::OkStatus();
  std::string line = content.empty() || content.ends_with('\n') ? "" : "\n";
  line += std::string(kExcludeLine) + "\n";
  if (::write(file.get(), line.data(), line.size()) != static_cast<ssize_t>(line.size())) {
    return ErrnoStatus(errno, "info/exclude");
  }
  return absl::OkStatus();
}

}  // namespace workmux::daemon
