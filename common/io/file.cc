#include "common/io/file.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

#include "common/base/status.h"

namespace workmux {
namespace {

namespace fs = std::filesystem;

absl::StatusOr<std::string> ReadAll(int fd, const fs::path& shown, std::size_t max_size) {
  struct stat info {};
  if (::fstat(fd, &info) != 0) return ErrnoStatus(errno, shown.string());
  if (!S_ISREG(info.st_mode)) return FailedPrecondition("{}: not a regular file", shown.string());
  std::string content;
  char buffer[65536];
  for (;;) {
    const ssize_t n = ::read(fd, buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return ErrnoStatus(errno, shown.string());
    if (n == 0) return content;
    content.append(buffer, static_cast<std::size_t>(n));
    if (content.size() > max_size) {
      return ResourceExhausted("{}: larger than {} bytes", shown.string(), max_size);
    }
  }
}

absl::Status SyncDirectory(const fs::path& dir) {
  UniqueFd fd(::open(dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid() || ::fsync(fd.get()) != 0) return ErrnoStatus(errno, dir.string());
  return absl::OkStatus();
}

absl::Status WriteAndSync(int fd, const fs::path& shown, std::string_view content) {
  while (!content.empty()) {
    const ssize_t n = ::write(fd, content.data(), content.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return ErrnoStatus(errno, shown.string());
    content.remove_prefix(static_cast<std::size_t>(n));
  }
  if (::fsync(fd) != 0) return ErrnoStatus(errno, shown.string());
  return absl::OkStatus();
}

absl::StatusOr<UniqueFd> OpenLockFile(const fs::path& path) {
  UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd.valid()) return ErrnoStatus(errno, path.string());
  return fd;
}

}  // namespace

absl::StatusOr<std::string> ReadFile(const fs::path& path, std::size_t max_size) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd.valid()) return ErrnoStatus(errno, path.string());
  return ReadAll(fd.get(), path, max_size);
}

absl::Status WriteFileAtomically(const fs::path& path, std::string_view content, mode_t mode) {
  static std::atomic<unsigned> counter{0};
  const fs::path temporary = path.string() + Format(".{}.{}.tmp", ::getpid(), counter.fetch_add(1));
  UniqueFd fd(
      ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode));
  if (!fd.valid()) return ErrnoStatus(errno, temporary.string());
  absl::Status written = WriteAndSync(fd.get(), temporary, content);
  if (written.ok() && ::rename(temporary.c_str(), path.c_str()) != 0) {
    written = ErrnoStatus(errno, path.string());
  }
  if (!written.ok()) {
    ::unlink(temporary.c_str());
    return written;
  }
  return SyncDirectory(path.parent_path());
}

absl::Status MakePrivateDirectory(const fs::path& dir) {
  std::error_code error;
  if (dir.has_parent_path() && !fs::exists(dir.parent_path(), error)) {
    WM_RETURN_IF_ERROR(MakePrivateDirectory(dir.parent_path()));
  }
  if (::mkdir(dir.c_str(), 0700) == 0) return absl::OkStatus();
  if (errno != EEXIST) return ErrnoStatus(errno, dir.string());
  struct stat info {};
  if (::lstat(dir.c_str(), &info) != 0) return ErrnoStatus(errno, dir.string());
  if (!S_ISDIR(info.st_mode)) return FailedPrecondition("{}: not a directory", dir.string());
  if (info.st_uid != ::geteuid()) {
    return PermissionDenied("{}: belongs to another user", dir.string());
  }
  if ((info.st_mode & 0077) != 0) {
    return WithHint(PermissionDenied("{}: others have access to it", dir.string()),
                    Format("run: chmod 700 '{}'", dir.string()));
  }
  return absl::OkStatus();
}

absl::StatusOr<UniqueFd> OpenBeneath(const fs::path& root, const fs::path& relative, int flags,
                                     mode_t mode) {
  UniqueFd dir(::open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!dir.valid()) return ErrnoStatus(errno, root.string());
  struct open_how how {};
  how.flags = static_cast<unsigned>(flags) | O_CLOEXEC;
  how.mode = mode;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  UniqueFd fd(
      static_cast<int>(::syscall(SYS_openat2, dir.get(), relative.c_str(), &how, sizeof how)));
  if (!fd.valid()) return ErrnoStatus(errno, (root / relative).string());
  return fd;
}

absl::StatusOr<std::string> ReadFileBeneath(const fs::path& root, const fs::path& relative,
                                            std::size_t max_size) {
  WM_ASSIGN_OR_RETURN(UniqueFd fd, OpenBeneath(root, relative, O_RDONLY | O_NONBLOCK | O_NOCTTY));
  return ReadAll(fd.get(), root / relative, max_size);
}

absl::StatusOr<FileLock> FileLock::TryAcquire(const fs::path& path) {
  WM_ASSIGN_OR_RETURN(UniqueFd fd, OpenLockFile(path));
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return Aborted("{}: held by another process", path.string());
    return ErrnoStatus(errno, path.string());
  }
  return FileLock(std::move(fd));
}

absl::StatusOr<FileLock> FileLock::Acquire(const fs::path& path) {
  WM_ASSIGN_OR_RETURN(UniqueFd fd, OpenLockFile(path));
  while (::flock(fd.get(), LOCK_EX) != 0) {
    if (errno != EINTR) return ErrnoStatus(errno, path.string());
  }
  return FileLock(std::move(fd));
}

}  // namespace workmux
