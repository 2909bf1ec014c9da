#include "daemon/agent_config/host_file.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/io/file.h"
#include "common/log/log.h"

namespace workmux::daemon {
namespace {

namespace fs = std::filesystem;

absl::Status NotThere(const fs::path& path) { return NotFound("{}", Printable(path.native())); }

absl::StatusOr<UniqueFd> FollowOnce(const fs::path& link) {
  std::error_code error;
  const fs::path meant = fs::read_symlink(link, error);
  if (error) return ErrnoStatus(error.value(), link.native());
  const UniqueFd from(::open(link.parent_path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!from.valid()) return ErrnoStatus(errno, link.parent_path().native());
  open_how how{};
  how.flags = O_PATH | O_CLOEXEC;
  how.resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  UniqueFd entry(
      static_cast<int>(::syscall(SYS_openat2, from.get(), meant.c_str(), &how, sizeof how)));
  if (entry.valid()) return entry;
  if (errno == ENOENT || errno == ENOTDIR) return NotThere(link);
  if (errno != ELOOP) return ErrnoStatus(errno, link.native());
  LogWarning("agent config",
             Format("{}: leads over further links, which are not followed; left out",
                    Printable(link.native())));
  return WithReason(NotThere(link), "LINK_NOT_FOLLOWED");
}

std::string NameOf(const UniqueFd& entry) { return Format("/proc/self/fd/{}", entry.get()); }

}  // namespace

absl::StatusOr<UniqueFd> OpenHostEntry(const fs::path& path) {
  UniqueFd entry(::open(path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  if (!entry.valid() && (errno == ENOENT || errno == ENOTDIR)) return NotThere(path);
  if (!entry.valid()) return ErrnoStatus(errno, path.native());
  struct stat info {};
  if (::fstat(entry.get(), &info) != 0) return ErrnoStatus(errno, path.native());
  return S_ISLNK(info.st_mode) ? FollowOnce(path) : absl::StatusOr<UniqueFd>(std::move(entry));
}

absl::StatusOr<std::string> ReadHostFile(const fs::path& path, std::size_t max_size) {
  WM_ASSIGN_OR_RETURN(const UniqueFd entry, OpenHostEntry(path));
  return ReadFile(NameOf(entry), max_size);
}

absl::StatusOr<fs::path> PathOf(const UniqueFd& entry) {
  std::error_code error;
  fs::path path = fs::read_symlink(NameOf(entry), error);
  if (error) return ErrnoStatus(error.value(), NameOf(entry));
  return path;
}

}  // namespace workmux::daemon
