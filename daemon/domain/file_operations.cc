#include "daemon/domain/file_operations.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/io/tree.h"
#include "daemon/domain/file_copy.h"
#include "daemon/domain/file_glob.h"

namespace workmux::daemon {
namespace {

namespace fs = std::filesystem;

fs::path ParentOf(const fs::path& relative) {
  return relative.has_parent_path() ? relative.parent_path() : fs::path(".");
}

// Follows links as long as they stay below `root`.
UniqueFd OpenInside(int root, const fs::path& relative) {
  struct open_how how {};
  how.flags = O_RDONLY | O_NONBLOCK | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  return UniqueFd(
      static_cast<int>(::syscall(SYS_openat2, root, relative.c_str(), &how, sizeof how)));
}

class FileOperator {
 public:
  FileOperator(const FileOperations& operations, ProgressSink& progress, std::stop_token stop)
      : operations_(operations), progress_(progress), stop_(std::move(stop)) {}

  absl::Status Run() {
    WM_ASSIGN_OR_RETURN(source_, OpenDirectory(operations_.source));
    WM_ASSIGN_OR_RETURN(destination_, OpenDirectory(operations_.destination));
    for (const fs::path& path : operations_.skip) {
      skip_.insert(path.lexically_relative(operations_.source));
    }
    for (const std::string& pattern : operations_.copy) {
      WM_RETURN_IF_ERROR(Each("files.copy", pattern, &FileOperator::Copy));
    }
    for (const std::string& pattern : operations_.symlink) {
      WM_RETURN_IF_ERROR(Each("files.symlink", pattern, &FileOperator::Link));
    }
    return absl::OkStatus();
  }

 private:
  using Action = absl::Status (FileOperator::*)(const fs::path&);

  absl::Status Each(std::string_view key, const std::string& pattern, Action action) {
    absl::StatusOr<std::vector<fs::path>> paths = ExpandGlob(source_.get(), pattern, skip_);
    if (!paths.ok()) return Annotate(paths.status(), key);
    for (const fs::path& path : *paths) {
      if (stop_.stop_requested()) return Cancelled("{}: cancelled", key);
      const absl::Status done = (this->*action)(path);
      if (!done.ok()) {
        return WithReason(Annotate(done, Format("{} '{}'", key, Printable(path.string()))),
                          "FILE_OPERATION_FAILED");
      }
    }
    return absl::OkStatus();
  }

  absl::Status Copy(const fs::path& path) {
    WM_ASSIGN_OR_RETURN(UniqueFd from, OpenAt(source_.get(), ParentOf(path), O_PATH | O_DIRECTORY));
    const std::string name = path.filename();
    struct stat info {};
    if (::fstatat(from.get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
      return ErrnoStatus(errno, name);
    }
    UniqueFd meant;
    if (S_ISLNK(info.st_mode)) {
      meant = OpenInside(source_.get(), path);
      if (!meant.valid() || ::fstat(meant.get(), &info) != 0 || !S_ISREG(info.st_mode)) {
        progress_.Warn(
            Format("'{}' was not copied: the link does not lead to a file of the "
                   "repository",
                   Printable(path.string())));
        return absl::OkStatus();
      }
      if (IsKeptOut(path, info)) return absl::OkStatus();
    }
    WM_ASSIGN_OR_RETURN(UniqueFd to, MakeDirectoriesAt(destination_.get(), ParentOf(path), 0777));
    if (meant.valid()) return CopyFile(meant.get(), to.get(), name);
    return CopyTree(from.get(), to.get(), name, stop_,
                    [&](const fs::path& below, const struct stat& found) {
                      return IsKeptOut(path.parent_path() / below, found);
                    });
  }

  // Says so when it is.
  bool IsKeptOut(const fs::path& path, const struct stat& info) {
    const bool kept =
        operations_.kept_out.Holds((operations_.source / path).lexically_normal(), info);
    if (kept) {
      progress_.Warn(Format("'{}' was left out: sandbox.container.excluded_files names it",
                            Printable(path.string())));
    }
    return kept;
  }

  absl::Status Link(const fs::path& path) {
    struct stat meant {};
    static_cast<void>(::fstatat(source_.get(), path.c_str(), &meant, 0));
    if (IsKeptOut(path, meant)) return absl::OkStatus();
    WM_ASSIGN_OR_RETURN(UniqueFd to, MakeDirectoriesAt(destination_.get(), ParentOf(path), 0777));
    const std::string name = path.filename();
    const fs::path link_dir = (operations_.destination / path).lexically_normal().parent_path();
    const fs::path target =
        (operations_.source / path).lexically_normal().lexically_relative(link_dir);
    struct stat info {};
    if (::fstatat(to.get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0) {
      const bool gone =
          S_ISDIR(info.st_mode)
              ? ::unlinkat(to.get(), name.c_str(), AT_REMOVEDIR) == 0
              : (S_ISLNK(info.st_mode) || (S_ISREG(info.st_mode) && info.st_size == 0)) &&
                    ::unlinkat(to.get(), name.c_str(), 0) == 0;
      if (!gone) {
        progress_.Warn(Format("'{}' was not linked: the worktree has one with content of its own",
                              Printable(path.string())));
        return absl::OkStatus();
      }
    } else if (errno != ENOENT) {
      return ErrnoStatus(errno, name);
    }
    if (::symlinkat(target.c_str(), to.get(), name.c_str()) != 0) return ErrnoStatus(errno, name);
    return absl::OkStatus();
  }

  const FileOperations& operations_;
  ProgressSink& progress_;
  std::stop_token stop_;
  UniqueFd source_;
  UniqueFd destination_;
  std::set<fs::path> skip_;
};

}  // namespace

absl::Status RunFileOperations(const FileOperations& operations, ProgressSink& progress,
                               std::stop_token stop) {
  if (operations.copy.empty() && operations.symlink.empty()) return absl::OkStatus();
  return FileOperator(operations, progress, std::move(stop)).Run();
}

absl::Status LinkUnlessPresent(const fs::path& source, const fs::path& destination,
                               const std::string& name) {
  WM_ASSIGN_OR_RETURN(UniqueFd from, OpenDirectory(source));
  struct stat info {};
  if (::fstatat(from.get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
    return errno == ENOENT ? absl::OkStatus() : ErrnoStatus(errno, name);
  }
  if (!S_ISREG(info.st_mode)) return absl::OkStatus();
  WM_ASSIGN_OR_RETURN(UniqueFd to, OpenDirectory(destination));
  const fs::path target = (source / name).lexically_relative(destination);
  if (::symlinkat(target.c_str(), to.get(), name.c_str()) != 0 && errno != EEXIST) {
    return ErrnoStatus(errno, name);
  }
  return absl::OkStatus();
}

}  // namespace workmux::daemon
