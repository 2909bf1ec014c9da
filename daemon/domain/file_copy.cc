#include "daemon/domain/file_copy.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <climits>
#include <memory>
#include <vector>

#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/io/tree.h"

namespace workmux::daemon {
namespace {

constexpr int kMaxDepth = 200;
constexpr std::size_t kChunk = 64u << 20;

std::string TemporaryName() {
  static std::atomic<unsigned> counter{0};
  return Format(".workmux-copy-{}-{}", ::getpid(), counter.fetch_add(1));
}

// From `begin` to `end` or, before that, to the end of the file.
absl::Status CopyByReading(int from, int to, off_t begin, off_t end) {
  char buffer[65536];
  while (begin < end) {
    const auto wanted = std::min(end - begin, static_cast<off_t>(sizeof buffer));
    const ssize_t n = ::pread(from, buffer, static_cast<std::size_t>(wanted), begin);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return ErrnoStatus(errno, "read");
    if (n == 0) return absl::OkStatus();
    for (ssize_t done = 0; done < n;) {
      const ssize_t written =
          ::pwrite(to, buffer + done, static_cast<std::size_t>(n - done), begin + done);
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return ErrnoStatus(errno, "write");
      done += written;
    }
    begin += n;
  }
  return absl::OkStatus();
}

absl::Status CopyRange(int from, int to, off_t begin, off_t end) {
  while (begin < end) {
    loff_t in = begin;
    loff_t out = begin;
    const auto wanted = std::min(static_cast<std::size_t>(end - begin), kChunk);
    const ssize_t n = ::copy_file_range(from, &in, to, &out, wanted, 0);
    // Not across these file systems.
    if (n == 0 || (n < 0 && errno != EINTR)) return CopyByReading(from, to, begin, end);
    if (n > 0) begin += n;
  }
  return absl::OkStatus();
}

// procfs tells no size. Somebody may also be writing to an empty file without end.
absl::Status CopyUnsized(int from, int to) {
  constexpr off_t kMost = 1 << 20;
  WM_RETURN_IF_ERROR(CopyByReading(from, to, 0, kMost + 1));
  struct stat written {};
  if (::fstat(to, &written) != 0) return ErrnoStatus(errno, "fstat");
  if (written.st_size <= kMost) return absl::OkStatus();
  return WithHint(
      WithReason(ResourceExhausted("a file without a size that holds more than {} bytes", kMost),
                 "FILE_WITHOUT_SIZE"),
      "Leave it out of files.copy, or link it.");
}

// What lies between holes, lseek(2).
absl::Status CopyContent(int from, int to) {
  if (::ioctl(to, FICLONE, from) == 0) return absl::OkStatus();
  struct stat info {};
  if (::fstat(from, &info) != 0) return ErrnoStatus(errno, "fstat");
  if (info.st_size == 0) return CopyUnsized(from, to);
  for (off_t end = 0; end < info.st_size;) {
    const off_t begin = ::lseek(from, end, SEEK_DATA);
    if (begin < 0 && errno == ENXIO) break;
    if (begin < 0) return ErrnoStatus(errno, "lseek");
    end = ::lseek(from, begin, SEEK_HOLE);
    if (end < 0) return ErrnoStatus(errno, "lseek");
    WM_RETURN_IF_ERROR(CopyRange(from, to, begin, end));
  }
  return ::ftruncate(to, info.st_size) == 0 ? absl::OkStatus() : ErrnoStatus(errno, "ftruncate");
}

absl::Status CopyLink(int from_dir, int to_dir, const std::string& name) {
  std::string target(PATH_MAX, '\0');
  const ssize_t n = ::readlinkat(from_dir, name.c_str(), target.data(), target.size());
  if (n < 0) return ErrnoStatus(errno, name);
  target.resize(static_cast<std::size_t>(n));
  const std::string temporary = TemporaryName();
  if (::symlinkat(target.c_str(), to_dir, temporary.c_str()) != 0) return ErrnoStatus(errno, name);
  if (::renameat(to_dir, temporary.c_str(), to_dir, name.c_str()) == 0) return absl::OkStatus();
  const absl::Status failed = ErrnoStatus(errno, name);
  ::unlinkat(to_dir, temporary.c_str(), 0);
  return failed;
}

struct DirCloser {
  void operator()(DIR* dir) const { ::closedir(dir); }
};

absl::StatusOr<std::vector<std::string>> Names(int dir) {
  UniqueFd copy(::openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!copy.valid()) return ErrnoStatus(errno, "open directory");
  std::unique_ptr<DIR, DirCloser> stream(::fdopendir(copy.get()));
  if (!stream) return ErrnoStatus(errno, "fdopendir");
  static_cast<void>(copy.Release());
  std::vector<std::string> names;
  while (const dirent* entry = ::readdir(stream.get())) {
    const std::string name = entry->d_name;
    if (name != "." && name != ".." && name != ".git") names.push_back(name);
  }
  return names;
}

struct Copying {
  const std::stop_token& stop;
  const LeavesOut& leaves_out;
};

absl::Status CopyEntry(int from_dir, int to_dir, const std::string& name,
                       const std::filesystem::path& path, const Copying& copying, int depth) {
  if (copying.stop.stop_requested()) return Cancelled("copying was cancelled");
  if (depth > kMaxDepth) return FailedPrecondition("'{}' is nested too deep", Printable(name));
  struct stat info {};
  if (::fstatat(from_dir, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
    return ErrnoStatus(errno, name);
  }
  if (S_ISLNK(info.st_mode)) return CopyLink(from_dir, to_dir, name);
  if (S_ISREG(info.st_mode)) {
    WM_ASSIGN_OR_RETURN(UniqueFd from, OpenAt(from_dir, name, O_RDONLY | O_NONBLOCK));
    if (copying.leaves_out) {
      if (::fstat(from.get(), &info) != 0) return ErrnoStatus(errno, name);
      if (copying.leaves_out(path, info)) return absl::OkStatus();
    }
    return CopyFile(from.get(), to_dir, name);
  }
  if (!S_ISDIR(info.st_mode)) return absl::OkStatus();
  WM_ASSIGN_OR_RETURN(UniqueFd from, OpenAt(from_dir, name, O_PATH | O_DIRECTORY));
  struct stat opened {};
  if (::fstat(from.get(), &opened) != 0) return ErrnoStatus(errno, name);
  struct stat parent {};
  if (::fstat(from_dir, &parent) != 0) return ErrnoStatus(errno, name);
  if (opened.st_dev != parent.st_dev) return absl::OkStatus();
  WM_ASSIGN_OR_RETURN(UniqueFd to, MakeDirectoriesAt(to_dir, name, opened.st_mode & 0777));
  WM_ASSIGN_OR_RETURN(const std::vector<std::string> names, Names(from.get()));
  for (const std::string& child : names) {
    const absl::Status copied =
        CopyEntry(from.get(), to.get(), child, path / child, copying, depth + 1);
    if (!copied.ok()) return copied;
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CopyFile(int from, int to_dir, const std::string& name) {
  struct stat info {};
  if (::fstat(from, &info) != 0) return ErrnoStatus(errno, name);
  if (!S_ISREG(info.st_mode))
    return FailedPrecondition("'{}' is not a regular file", Printable(name));
  struct stat there {};
  if (::fstatat(to_dir, name.c_str(), &there, AT_SYMLINK_NOFOLLOW) == 0 &&
      !S_ISREG(there.st_mode)) {
    return FailedPrecondition("'{}' exists in the worktree and is not a regular file",
                              Printable(name));
  }
  const std::string temporary = TemporaryName();
  UniqueFd to(::openat(to_dir, temporary.c_str(),
                       O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!to.valid()) return ErrnoStatus(errno, name);
  absl::Status status = Annotate(CopyContent(from, to.get()), Printable(name));
  const struct timespec times[2] = {info.st_atim, info.st_mtim};
  if (status.ok() &&
      (::fchmod(to.get(), info.st_mode & 0777) != 0 || ::futimens(to.get(), times) != 0)) {
    status = ErrnoStatus(errno, name);
  }
  if (status.ok() && ::renameat(to_dir, temporary.c_str(), to_dir, name.c_str()) != 0) {
    status = ErrnoStatus(errno, name);
  }
  if (!status.ok()) ::unlinkat(to_dir, temporary.c_str(), 0);
  return status;
}

absl::Status CopyTree(int from_dir, int to_dir, const std::string& name, std::stop_token stop,
                      const LeavesOut& leaves_out) {
  return CopyEntry(from_dir, to_dir, name, name, {stop, leaves_out}, 0);
}

}  // namespace workmux::daemon
