#include "common/io/tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <memory>
#include <vector>

#include "common/base/status.h"

namespace workmux {
namespace {

namespace fs = std::filesystem;

// Deeper directories are moved up instead of descended into, so that a tree of
// any depth needs this many descriptors and stack frames at most.
constexpr int kMaxDepth = 64;

absl::StatusOr<UniqueFd> OpenResolved(int dir, const fs::path& relative, int flags, mode_t mode,
                                      std::uint64_t more_resolve) {
  struct open_how how {};
  how.flags = static_cast<unsigned>(flags) | O_CLOEXEC;
  how.mode = mode;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | more_resolve;
  UniqueFd fd(static_cast<int>(::syscall(SYS_openat2, dir, relative.c_str(), &how, sizeof how)));
  if (!fd.valid()) return ErrnoStatus(errno, relative.string());
  return fd;
}

struct DirCloser {
  void operator()(DIR* dir) const { ::closedir(dir); }
};
using Dir = std::unique_ptr<DIR, DirCloser>;

absl::StatusOr<std::vector<std::string>> EntryNames(int dir) {
  UniqueFd copy(::openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!copy.valid()) return ErrnoStatus(errno, "open directory");
  Dir stream(::fdopendir(copy.get()));
  if (!stream) return ErrnoStatus(errno, "fdopendir");
  static_cast<void>(copy.Release());
  std::vector<std::string> names;
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(stream.get());
    if (entry == nullptr) break;
    const std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
  }
  if (errno != 0) return ErrnoStatus(errno, "readdir");
  return names;
}

class TreeRemover {
 public:
  explicit TreeRemover(int top) : top_(top) {}

  absl::Status RemoveContents(int dir, int depth) {
    WM_ASSIGN_OR_RETURN(const std::vector<std::string> names, EntryNames(dir));
    for (const std::string& name : names) {
      if (::unlinkat(dir, name.c_str(), 0) == 0) continue;
      if (errno != EISDIR && errno != EPERM) return ErrnoStatus(errno, name);
      WM_RETURN_IF_ERROR(RemoveDirectory(dir, name, depth));
    }
    return absl::OkStatus();
  }

  bool moved() const { return moved_; }
  void ClearMoved() { moved_ = false; }

 private:
  absl::Status RemoveDirectory(int parent, const std::string& name, int depth) {
    if (::unlinkat(parent, name.c_str(), AT_REMOVEDIR) == 0) return absl::OkStatus();
    if (errno != ENOTEMPTY && errno != EEXIST) return ErrnoStatus(errno, name);
    if (depth >= kMaxDepth) {
      const std::string up = Format(".workmux-deep-{}", counter_++);
      if (::renameat(parent, name.c_str(), top_, up.c_str()) != 0) return ErrnoStatus(errno, name);
      moved_ = true;
      return absl::OkStatus();
    }
    WM_ASSIGN_OR_RETURN(UniqueFd dir, OpenForRemoval(parent, name));
    WM_RETURN_IF_ERROR(RemoveContents(dir.get(), depth + 1));
    if (::unlinkat(parent, name.c_str(), AT_REMOVEDIR) != 0) return ErrnoStatus(errno, name);
    return absl::OkStatus();
  }

  static absl::StatusOr<UniqueFd> OpenForRemoval(int parent, const std::string& name) {
    WM_ASSIGN_OR_RETURN(UniqueFd path,
                        OpenResolved(parent, name, O_PATH | O_DIRECTORY, 0, RESOLVE_NO_XDEV));
    struct stat info {};
    if (::fstat(path.get(), &info) != 0) return ErrnoStatus(errno, name);
    if ((info.st_mode & 0700) != 0700) {
      // chmod through the descriptor: the name may mean something else by now.
      ::chmod(Format("/proc/self/fd/{}", path.get()).c_str(), 0700);
    }
    UniqueFd dir(::openat(path.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!dir.valid()) return ErrnoStatus(errno, name);
    return dir;
  }

  int top_;
  unsigned counter_ = 0;
  bool moved_ = false;
};

}  // namespace

absl::StatusOr<UniqueFd> OpenDirectory(const fs::path& dir) {
  UniqueFd fd(::open(dir.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid()) return ErrnoStatus(errno, dir.string());
  return fd;
}

absl::StatusOr<UniqueFd> OpenAt(int dir, const fs::path& relative, int flags, mode_t mode) {
  return OpenResolved(dir, relative, flags, mode, 0);
}

absl::StatusOr<UniqueFd> MakeDirectoriesAt(int dir, const fs::path& relative, mode_t mode) {
  WM_ASSIGN_OR_RETURN(UniqueFd current, OpenAt(dir, ".", O_PATH | O_DIRECTORY));
  for (const fs::path& part : relative) {
    if (part.empty() || part == ".") continue;
    if (::mkdirat(current.get(), part.c_str(), mode) != 0 && errno != EEXIST) {
      return ErrnoStatus(errno, relative.string());
    }
    absl::StatusOr<UniqueFd> next = OpenAt(current.get(), part, O_PATH | O_DIRECTORY);
    if (!next.ok()) return Annotate(next.status(), relative.string());
    current = std::move(*next);
  }
  return current;
}

absl::Status WriteFileAt(int dir, const std::string& name, std::string_view content, mode_t mode) {
  static std::atomic<unsigned> counter{0};
  const std::string temporary = Format(".workmux-{}-{}.tmp", ::getpid(), counter.fetch_add(1));
  UniqueFd fd(
      ::openat(dir, temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode));
  if (!fd.valid()) return ErrnoStatus(errno, name);
  absl::Status status = absl::OkStatus();
  while (!content.empty() && status.ok()) {
    const ssize_t n = ::write(fd.get(), content.data(), content.size());
    if (n >= 0) {
      content.remove_prefix(static_cast<std::size_t>(n));
    } else if (errno != EINTR) {
      status = ErrnoStatus(errno, name);
    }
  }
  if (status.ok() && ::renameat(dir, temporary.c_str(), dir, name.c_str()) != 0) {
    status = ErrnoStatus(errno, name);
  }
  if (!status.ok()) ::unlinkat(dir, temporary.c_str(), 0);
  return status;
}

absl::Status RemoveTree(const fs::path& parent, const std::string& name) {
  if (name.empty() || name == "." || name == ".." || name.find('/') != std::string::npos) {
    return InvalidArgument("{}: not the name of one directory entry", name);
  }
  absl::StatusOr<UniqueFd> parent_fd = OpenDirectory(parent);
  if (!parent_fd.ok())
    return absl::IsNotFound(parent_fd.status()) ? absl::OkStatus() : parent_fd.status();
  if (::unlinkat(parent_fd->get(), name.c_str(), 0) == 0 || errno == ENOENT)
    return absl::OkStatus();
  if (errno != EISDIR && errno != EPERM) return ErrnoStatus(errno, (parent / name).string());
  absl::StatusOr<UniqueFd> top =
      OpenResolved(parent_fd->get(), name, O_RDONLY | O_DIRECTORY, 0, RESOLVE_NO_XDEV);
  if (!top.ok()) return Annotate(top.status(), "remove " + (parent / name).string());
  // Somebody may be putting more in there as fast as it goes.
  constexpr int kRounds = 1000;
  TreeRemover remover(top->get());
  int rounds = 0;
  do {
    if (++rounds > kRounds)
      return Aborted("{}: grows while it is removed", (parent / name).string());
    remover.ClearMoved();
    const absl::Status removed = remover.RemoveContents(top->get(), 0);
    if (!removed.ok()) return Annotate(removed, "remove " + (parent / name).string());
  } while (remover.moved());
  if (::unlinkat(parent_fd->get(), name.c_str(), AT_REMOVEDIR) != 0) {
    return ErrnoStatus(errno, "remove " + (parent / name).string());
  }
  return absl::OkStatus();
}

}  // namespace workmux
