#include "daemon/adapters/git/worktree_files.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <optional>

#include "common/base/path.h"
#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/io/file.h"
#include "daemon/adapters/git/config_file.h"
#include "daemon/adapters/git/ref_files.h"

namespace workmux::daemon {
namespace {

namespace fs = std::filesystem;

// PATH_MAX and the "gitdir: " in front.
constexpr std::size_t kMaxPointer = 8192;
constexpr std::size_t kMaxConfig = 16u << 20;
constexpr std::string_view kReftableHead = "ref: refs/heads/.invalid";

absl::Status Forged(const fs::path& worktree, std::string_view why) {
  return WithHint(
      WithReason(FailedPrecondition("{}: its .git file cannot be trusted: {}",
                                    Printable(worktree.string()), why),
                 "FORGED_WORKTREE"),
      "If you moved the worktree or the repository, run `git worktree repair` in the repository.");
}

absl::Status NotARepository(const fs::path& dir) {
  return WithHint(
      WithReason(FailedPrecondition("{}: not inside a git repository", Printable(dir.string())),
                 "NOT_A_GIT_REPOSITORY"),
      "Change to a checkout of a git repository, or run `git init`.");
}

absl::Status Bare(const fs::path& dir) {
  return WithHint(WithReason(FailedPrecondition("{}: a bare repository has no files to work on",
                                                Printable(dir.string())),
                             "BARE_REPOSITORY"),
                  "Change to one of its worktrees; `git worktree add` makes one.");
}

absl::StatusOr<fs::path> Canonical(const fs::path& path) {
  std::error_code error;
  fs::path canonical = fs::canonical(path, error);
  if (error) return ErrnoStatus(error.value(), path.string());
  return canonical;
}

bool IsGitDir(const fs::path& dir) {
  std::error_code error;
  return fs::exists(fs::symlink_status(dir / "HEAD", error)) &&
         fs::is_directory(dir / "objects", error) && fs::exists(dir / "refs", error);
}

// A one-line file with a path, below `dir`; relative ones are taken from `dir`.
absl::StatusOr<fs::path> ReadPath(const fs::path& dir, const char* name, std::string_view prefix) {
  WM_ASSIGN_OR_RETURN(const std::string content, ReadFileBeneath(dir, name, kMaxPointer));
  std::string_view text = content;
  while (text.ends_with('\n') || text.ends_with('\r')) text.remove_suffix(1);
  if (!text.starts_with(prefix) || text.size() == prefix.size() ||
      text.find('\0') != std::string_view::npos) {
    return WithReason(DataLoss("{}: not a pointer", Printable((dir / name).string())),
                      "BAD_POINTER");
  }
  return dir / text.substr(prefix.size());
}

// The keys that shape a repository, from `config` and, where the extension is
// on, the main worktree's `config.worktree`.
struct Shape {
  std::optional<bool> bare;
  std::optional<std::string> worktree;
};

absl::StatusOr<Shape> ReadShape(const fs::path& common_dir) {
  Shape shape;
  bool per_worktree = false;
  for (const char* name : {"config", "config.worktree"}) {
    if (name == std::string_view("config.worktree") && !per_worktree) break;
    auto content = ReadFile(common_dir / name, kMaxConfig);
    if (content.status().code() == absl::StatusCode::kNotFound) continue;
    if (!content.ok()) return content.status();
    const auto config = ConfigFile::Parse(*content);
    if (!config) {
      return WithReason(FailedPrecondition("{}: git could not read this configuration",
                                           Printable((common_dir / name).string())),
                        "BAD_GIT_CONFIG");
    }
    if (config->Get("core.bare")) shape.bare = config->GetBool("core.bare", false);
    if (auto place = config->Get("core.worktree")) shape.worktree = std::move(place);
    per_worktree |= config->GetBool("extensions.worktreeconfig", false);
  }
  return shape;
}

bool SameFile(const fs::path& a, const fs::path& b) {
  std::error_code error;
  return a == b || fs::equivalent(a, b, error);
}

absl::StatusOr<bool> Exists(const fs::path& path) {
  struct stat info {};
  if (::lstat(path.c_str(), &info) == 0) return true;
  if (errno == ENOENT || errno == ENOTDIR) return false;
  return ErrnoStatus(errno, path.string());
}

// Fills branch, head and locked from the admin directory.
absl::Status ReadState(RefFiles& refs, FoundWorktree& found) {
  Worktree& worktree = found.worktree;
  WM_ASSIGN_OR_RETURN(const std::string head,
                      ReadFileBeneath(worktree.git_dir, "HEAD", kMaxPointer));
  if (Trim(head) == kReftableHead) {
    found.needs_git = true;
  } else {
    WM_ASSIGN_OR_RETURN(RefValue value, ParseRefFile(head));
    constexpr std::string_view kHeads = "refs/heads/";
    if (value.target.starts_with(kHeads)) worktree.branch = value.target.substr(kHeads.size());
    worktree.head = std::move(value.id);
    if (worktree.head.find_first_not_of('0') == std::string::npos) worktree.head.clear();
    if (!value.target.empty()) {
      auto id = refs.Resolve(value.target);
      if (id.ok()) {
        worktree.head = *std::move(id);
      } else if (id.status().code() == absl::StatusCode::kUnimplemented) {
        found.needs_git = true;
      } else if (id.status().code() != absl::StatusCode::kNotFound) {
        return id.status();
      }
    }
  }
  if (!worktree.is_main) {
    WM_ASSIGN_OR_RETURN(worktree.locked, Exists(worktree.git_dir / "locked"));
  }
  return absl::OkStatus();
}

absl::StatusOr<FoundWorktree> MainCheckout(const fs::path& root, const fs::path& git_dir) {
  FoundWorktree found;
  found.worktree.repository = {.common_dir = git_dir, .main_worktree = root};
  found.worktree.path = root;
  found.worktree.git_dir = git_dir;
  found.worktree.is_main = true;
  RefFiles refs(git_dir);
  WM_RETURN_IF_ERROR(ReadState(refs, found));
  return found;
}

absl::StatusOr<FoundWorktree> LinkedCheckout(const fs::path& root, const fs::path& admin_dir) {
  auto named = ReadPath(admin_dir, "commondir", "");
  if (!named.ok()) return Forged(root, "its admin directory has no usable commondir");
  const auto common_dir = Canonical(*named);
  if (!common_dir.ok() || !IsGitDir(*common_dir))
    return Forged(root, "its commondir is no repository");
  if (admin_dir.parent_path() != *common_dir / "worktrees") {
    return Forged(root, "its commondir does not hold its admin directory");
  }
  if (IsWithin(*common_dir, root)) return Forged(root, "it points into the worktree itself");
  const auto back = BackPointer(admin_dir);
  if (!back.ok() || *back != root)
    return Forged(root, "its admin directory belongs to another worktree");

  FoundWorktree found;
  WM_ASSIGN_OR_RETURN(fs::path main_worktree, MainWorktreeOf(*common_dir));
  found.worktree.repository = {.common_dir = *common_dir,
                               .main_worktree = std::move(main_worktree)};
  found.worktree.path = root;
  found.worktree.git_dir = admin_dir;
  RefFiles refs(*common_dir);
  WM_RETURN_IF_ERROR(ReadState(refs, found));
  return found;
}

// `root`/.git is a regular file.
absl::StatusOr<FoundWorktree> PointedCheckout(const fs::path& root) {
  auto named = ReadPath(root, ".git", "gitdir: ");
  if (!named.ok()) return Forged(root, MessageOf(named.status()));
  const auto git_dir = Canonical(*named);
  if (!git_dir.ok()) {
    return WithHint(
        WithReason(FailedPrecondition("{}: its .git file names {}, which is not there",
                                      Printable(root.string()), Printable(named->string())),
                   "NOT_A_GIT_REPOSITORY"),
        "Run `git worktree repair` in the repository if it was moved.");
  }
  WM_ASSIGN_OR_RETURN(const bool linked, Exists(*git_dir / "commondir"));
  if (linked) return LinkedCheckout(root, *git_dir);
  if (!IsGitDir(*git_dir)) return Forged(root, "it names no git directory");

  WM_ASSIGN_OR_RETURN(const Shape shape, ReadShape(*git_dir));
  if (shape.bare.value_or(false)) return Bare(root);
  if (IsWithin(*git_dir, root)) return Forged(root, "it points into the worktree itself");
  WM_ASSIGN_OR_RETURN(const fs::path owner, MainWorktreeOf(*git_dir));
  if (!owner.empty() && !SameFile(owner, root))
    return Forged(root, "it names another checkout's repository");
  return MainCheckout(root, *git_dir);
}

// `root`/.git is a directory; nullopt when it is no git directory, which git
// passes over on its way up.
absl::StatusOr<std::optional<FoundWorktree>> OrdinaryCheckout(const fs::path& root) {
  const fs::path git_dir = root / ".git";
  if (!IsGitDir(git_dir)) return std::nullopt;
  WM_ASSIGN_OR_RETURN(const Shape shape, ReadShape(git_dir));
  if (shape.bare.value_or(false)) return Bare(root);
  if (shape.worktree) {
    const auto elsewhere = Canonical(git_dir / *shape.worktree);
    if (!elsewhere.ok() || *elsewhere != root) {
      return WithReason(FailedPrecondition("{}: core.worktree places its files elsewhere",
                                           Printable(root.string())),
                        "NOT_A_GIT_REPOSITORY");
    }
  }
  WM_ASSIGN_OR_RETURN(FoundWorktree found, MainCheckout(root, git_dir));
  return found;
}

}  // namespace

absl::StatusOr<fs::path> BackPointer(const fs::path& admin_dir) {
  WM_ASSIGN_OR_RETURN(const fs::path pointer, ReadPath(admin_dir, "gitdir", ""));
  if (pointer.filename() != ".git") {
    return WithReason(DataLoss("{}: its gitdir names no .git", Printable(admin_dir.string())),
                      "BAD_POINTER");
  }
  std::error_code error;
  fs::path root = fs::weakly_canonical(pointer.parent_path(), error);
  if (error) return ErrnoStatus(error.value(), pointer.string());
  return root;
}

absl::StatusOr<fs::path> MainWorktreeOf(const fs::path& common_dir) {
  WM_ASSIGN_OR_RETURN(const Shape shape, ReadShape(common_dir));
  if (shape.bare.value_or(false)) return fs::path();
  if (shape.worktree) return Canonical(common_dir / *shape.worktree);
  if (common_dir.filename() == ".git") return common_dir.parent_path();
  return fs::path();
}

absl::StatusOr<FoundWorktree> LocateWorktree(const fs::path& dir) {
  if (!dir.is_absolute())
    return InvalidArgument("not an absolute path: '{}'", Printable(dir.string()));
  WM_ASSIGN_OR_RETURN(fs::path root, Canonical(dir));
  while (true) {
    struct stat info {};
    if (::lstat((root / ".git").c_str(), &info) == 0) {
      if (S_ISLNK(info.st_mode)) return Forged(root, "it is a symbolic link");
      if (S_ISREG(info.st_mode)) return PointedCheckout(root);
      if (S_ISDIR(info.st_mode)) {
        WM_ASSIGN_OR_RETURN(auto found, OrdinaryCheckout(root));
        if (found) return *std::move(found);
      }
    } else if (errno != ENOENT && errno != ENOTDIR) {
      return ErrnoStatus(errno, (root / ".git").string());
    }
    if (IsGitDir(root)) {
      WM_ASSIGN_OR_RETURN(const Shape shape, ReadShape(root));
      if (shape.bare.value_or(root.filename() != ".git")) return Bare(root);
      return NotARepository(dir);
    }
    if (root == root.root_path()) return NotARepository(dir);
    root = root.parent_path();
  }
}

absl::StatusOr<std::vector<FoundWorktree>> ReadWorktrees(const Repository& repository) {
  const fs::path& common_dir = repository.common_dir;
  if (!IsGitDir(common_dir)) return NotARepository(common_dir);
  RefFiles refs(common_dir);
  std::vector<FoundWorktree> all;
  if (!repository.main_worktree.empty()) {
    FoundWorktree main;
    main.worktree.repository = repository;
    main.worktree.path = repository.main_worktree;
    main.worktree.git_dir = common_dir;
    main.worktree.is_main = true;
    WM_ASSIGN_OR_RETURN(const bool there, Exists(main.worktree.path));
    main.worktree.missing = !there;
    WM_RETURN_IF_ERROR(ReadState(refs, main));
    all.push_back(std::move(main));
  }
  const auto linked_from = static_cast<std::ptrdiff_t>(all.size());

  std::error_code error;
  fs::directory_iterator entries(common_dir / "worktrees", error);
  if (error == std::errc::no_such_file_or_directory) return all;
  for (; !error && entries != fs::directory_iterator(); entries.increment(error)) {
    FoundWorktree found;
    found.worktree.repository = repository;
    found.worktree.git_dir = entries->path();
    if (!entries->is_directory(error)) continue;
    auto root = BackPointer(found.worktree.git_dir);
    if (root.status().code() == absl::StatusCode::kNotFound ||
        ReasonOf(root.status()) == "BAD_POINTER") {
      continue;
    }
    if (!root.ok()) return root.status();
    found.worktree.path = *std::move(root);
    WM_ASSIGN_OR_RETURN(const bool there, Exists(found.worktree.path / ".git"));
    found.worktree.missing = !there;
    // A worktree in the making has no HEAD yet; one with a damaged HEAD is still listed.
    if (!ReadState(refs, found).ok()) found.worktree.branch = found.worktree.head = "";
    all.push_back(std::move(found));
  }
  if (error) return ErrnoStatus(error.value(), (common_dir / "worktrees").string());
  std::sort(all.begin() + linked_from, all.end(),
            [](const FoundWorktree& a, const FoundWorktree& b) {
              return a.worktree.path < b.worktree.path;
            });
  return all;
}

}  // namespace workmux::daemon
