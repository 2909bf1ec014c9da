#include "daemon/domain/file_glob.h"

#include <dirent.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <optional>

#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/io/tree.h"

namespace workmux::daemon {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxMatches = 100000;
constexpr std::size_t kMaxDepth = 128;

struct Entry {
  std::string name;
  bool is_directory = false;
};

struct DirCloser {
  void operator()(DIR* dir) const { ::closedir(dir); }
};

bool IsDirectory(int dir, const char* name) {
  struct stat info {};
  return ::fstatat(dir, name, &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(info.st_mode);
}

class GlobWalk {
 public:
  GlobWalk(int root, const std::set<fs::path>& skip, std::vector<std::string> parts)
      : root_(root), skip_(skip), parts_(std::move(parts)) {}

  absl::Status Walk(const fs::path& at, std::size_t part, std::size_t depth) {
    if (depth > kMaxDepth) return FailedPrecondition("'{}' is nested too deep", at.string());
    const std::string& pattern = parts_[part];
    const bool last = part + 1 == parts_.size();
    if (pattern == "**") return WalkAnyDepth(at, part, depth);
    if (pattern.find_first_of("*?[\\") == std::string::npos) {
      return Take(at / pattern, part, last, depth, std::nullopt);
    }
    WM_ASSIGN_OR_RETURN(const std::vector<Entry> entries, List(at));
    for (const Entry& entry : entries) {
      if (::fnmatch(pattern.c_str(), entry.name.c_str(), 0) != 0) continue;
      WM_RETURN_IF_ERROR(Take(at / entry.name, part, last, depth, entry.is_directory));
    }
    return absl::OkStatus();
  }

  std::set<fs::path> found;

 private:
  absl::Status WalkAnyDepth(const fs::path& at, std::size_t part, std::size_t depth) {
    const bool last = part + 1 == parts_.size();
    if (!last) WM_RETURN_IF_ERROR(Walk(at, part + 1, depth));
    WM_ASSIGN_OR_RETURN(const std::vector<Entry> entries, List(at));
    for (const Entry& entry : entries) {
      const fs::path path = at / entry.name;
      if (last) {
        WM_RETURN_IF_ERROR(Add(path));
      } else if (entry.is_directory && !Skipped(path)) {
        WM_RETURN_IF_ERROR(Walk(path, part, depth + 1));
      }
    }
    return absl::OkStatus();
  }

  absl::Status Take(const fs::path& path, std::size_t part, bool last, std::size_t depth,
                    std::optional<bool> is_directory) {
    if (path.filename() == ".git" || Skipped(path)) return absl::OkStatus();
    if (last) {
      absl::StatusOr<UniqueFd> parent = OpenAt(root_, Parent(path), O_PATH | O_DIRECTORY);
      if (absl::IsNotFound(parent.status())) return absl::OkStatus();
      if (!parent.ok()) return Linked(path, parent.status());
      struct stat info {};
      if (::fstatat(parent->get(), path.filename().c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
        return errno == ENOENT || errno == ENOTDIR ? absl::OkStatus()
                                                   : ErrnoStatus(errno, path.string());
      }
      return Add(path);
    }
    if (is_directory && !*is_directory) return absl::OkStatus();
    return Walk(path, part + 1, depth + 1);
  }

  absl::Status Add(const fs::path& path) {
    if (path.filename() == ".git" || Skipped(path)) return absl::OkStatus();
    found.insert(path);
    if (found.size() <= kMaxMatches) return absl::OkStatus();
    return ResourceExhausted("more than {} files match", kMaxMatches);
  }

  bool Skipped(const fs::path& path) const { return skip_.contains(path); }

  static fs::path Parent(const fs::path& path) {
    return path.has_parent_path() ? path.parent_path() : fs::path(".");
  }

  static absl::Status Linked(const fs::path& path, const absl::Status& status) {
    return Annotate(status, Format("'{}' leads through a symbolic link or no directory",
                                   Printable(path.string())));
  }

  absl::StatusOr<std::vector<Entry>> List(const fs::path& at) const {
    absl::StatusOr<UniqueFd> fd =
        OpenAt(root_, at.empty() ? fs::path(".") : at, O_RDONLY | O_DIRECTORY);
    if (absl::IsNotFound(fd.status())) return std::vector<Entry>();
    if (!fd.ok()) return Linked(at, fd.status());
    std::unique_ptr<DIR, DirCloser> stream(::fdopendir(fd->get()));
    if (!stream) return ErrnoStatus(errno, at.string());
    const int dir = fd->Release();
    std::vector<Entry> entries;
    while (const dirent* entry = ::readdir(stream.get())) {
      const std::string name = entry->d_name;
      if (name == "." || name == ".." || name == ".git") continue;
      const bool is_directory = entry->d_type == DT_DIR ||
                                (entry->d_type == DT_UNKNOWN && IsDirectory(dir, entry->d_name));
      entries.push_back({name, is_directory});
    }
    return entries;
  }

  int root_;
  const std::set<fs::path>& skip_;
  std::vector<std::string> parts_;
};

}  // namespace

absl::StatusOr<std::vector<fs::path>> ExpandGlob(int root, std::string_view pattern,
                                                 const std::set<fs::path>& skip) {
  const std::string shown = Printable(pattern);
  std::vector<std::string> parts;
  for (std::string& part : Split(pattern, '/')) {
    if (part == "..") return InvalidArgument("'{}': '..' is not allowed", shown);
    // Two "**" in a row mean what one does, and would make the walk quadratic.
    if (part == "**" && !parts.empty() && parts.back() == "**") continue;
    if (!part.empty() && part != ".") parts.push_back(std::move(part));
  }
  if (pattern.starts_with('/') || pattern.starts_with('~')) {
    return InvalidArgument("'{}': the path must be relative to the repository", shown);
  }
  if (parts.empty()) return InvalidArgument("'{}' names no file", shown);
  GlobWalk walk(root, skip, std::move(parts));
  WM_RETURN_IF_ERROR(walk.Walk({}, 0, 0));
  return std::vector<fs::path>(walk.found.begin(), walk.found.end());
}

}  // namespace workmux::daemon
