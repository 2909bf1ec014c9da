#include "daemon/sandbox_git/private_git_layout.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/base/unique_fd.h"
#include "common/io/file.h"
#include "daemon/adapters/git/git_command.h"
#include "daemon/sandbox_git/file_write.h"
#include "daemon/sandbox_git/host_refs.h"
#include "daemon/sandbox_git/object_stores.h"
#include "daemon/sandbox_git/private_config.h"

namespace workmux::daemon {
namespace {

namespace fs = std::filesystem;

constexpr off_t kMaxReflog = 1 << 20;  // bytes; a longer history of moves stays outside

// A copy of its own (shared blocks where the file system can, never a link);
// nothing when `from` is absent or longer than `limit`.
absl::Status CopyIfPresent(const fs::path& from, const fs::path& to, off_t limit = 0) {
  UniqueFd in(::open(from.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!in.valid()) return errno == ENOENT ? absl::OkStatus() : ErrnoStatus(errno, from.string());
  struct stat info {};
  if (::fstat(in.get(), &info) != 0) return ErrnoStatus(errno, from.string());
  if (!S_ISREG(info.st_mode)) return FailedPrecondition("{}: not a regular file", from.string());
  if (limit != 0 && info.st_size > limit) return absl::OkStatus();
  WM_RETURN_IF_ERROR(MakeDirectories(to.parent_path()));
  UniqueFd out(::open(to.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!out.valid()) return ErrnoStatus(errno, to.string());
  if (::ioctl(out.get(), FICLONE, in.get()) == 0) return absl::OkStatus();
  for (;;) {
    const ssize_t n = ::copy_file_range(in.get(), nullptr, out.get(), nullptr, 1u << 30, 0);
    if (n == 0) return absl::OkStatus();
    if (n < 0 && errno != EINTR) return ErrnoStatus(errno, to.string());
  }
}

std::string ReadOrEmpty(const fs::path& path) {
  absl::StatusOr<std::string> text = ReadFile(path);
  return text.ok() ? *std::move(text) : std::string();
}

std::string ConfigValue(std::string_view listed, std::string_view key) {
  std::string value;
  for (const std::string& entry : Split(listed, '\0')) {
    if (entry.size() > key.size() && entry.starts_with(key) && entry[key.size()] == '\n') {
      value = entry.substr(key.size() + 1);
    }
  }
  return value;
}

// The user's own patterns first, so that the repository's win as they do outside
// (gitignore(5), gitattributes(5)).
std::string WithUserFile(std::string_view listed, std::string_view key, const char* name,
                         const Env& caller, const fs::path& repository_file) {
  const auto variable = [&](const char* which) {
    const auto at = caller.find(which);
    return at == caller.end() ? std::string() : at->second;
  };
  fs::path user = ConfigValue(listed, key);
  if (user.string().starts_with("~/")) user = fs::path(variable("HOME")) / user.string().substr(2);
  if (user.empty()) {
    const std::string config = variable("XDG_CONFIG_HOME");
    user =
        (config.empty() ? fs::path(variable("HOME")) / ".config" : fs::path(config)) / "git" / name;
  }
  std::string text = user.is_absolute() ? ReadOrEmpty(user) : "";
  if (!text.empty() && text.back() != '\n') text += '\n';
  return text + ReadOrEmpty(repository_file);
}

absl::StatusOr<std::string> EffectiveConfig(CommandRunner& runner, const Worktree& worktree,
                                            const Env& caller, std::stop_token stop) {
  Command command = UserGit(worktree.path, caller, {"config", "--list", "-z"});
  command.argv[0] = "/usr/bin/git";
  command.env["GIT_DIR"] = worktree.git_dir.string();
  RunOptions options;
  options.stop = std::move(stop);
  return RunForOutput(runner, command, options);
}

// HEAD, index and what explains them.
absl::Status CopyCheckoutState(const Worktree& worktree, const fs::path& admin) {
  for (const char* name : {"HEAD", "index", "ORIG_HEAD", "info/sparse-checkout"}) {
    WM_RETURN_IF_ERROR(CopyIfPresent(worktree.git_dir / name, admin / name));
  }
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(worktree.git_dir, error)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with("sharedindex.")) continue;  // git-update-index(1), split index
    WM_RETURN_IF_ERROR(CopyIfPresent(entry.path(), admin / name));
  }
  if (error) return ErrnoStatus(error.value(), worktree.git_dir.string());
  return CopyIfPresent(worktree.git_dir / "logs/HEAD", admin / "logs/HEAD", kMaxReflog);
}

absl::Status LayOutAdmin(const Worktree& worktree, const fs::path& dir) {
  if (worktree.is_main) return CopyCheckoutState(worktree, dir);
  const fs::path admin = dir / "worktrees" / worktree.git_dir.filename();
  WM_RETURN_IF_ERROR(CopyIfPresent(worktree.repository.common_dir / "HEAD", dir / "HEAD"));
  WM_RETURN_IF_ERROR(CopyIfPresent(worktree.git_dir / "gitdir", admin / "gitdir"));
  WM_RETURN_IF_ERROR(WriteNew(admin / "commondir", "../..\n"));
  return CopyCheckoutState(worktree, admin);
}

absl::Status LayOutRefs(CommandRunner& runner, const Worktree& worktree, const fs::path& dir,
                        const fs::path& meta, std::stop_token stop) {
  const fs::path& common = worktree.repository.common_dir;
  WM_ASSIGN_OR_RETURN(const HostRefs refs, ReadHostRefs(runner, common, std::move(stop)));
  const std::string packed = FormatPackedRefs(refs);
  WM_RETURN_IF_ERROR(WriteNew(dir / "packed-refs", packed));
  WM_RETURN_IF_ERROR(WriteNew(meta / "followed", packed));
  for (const auto& [name, target] : refs.symbolic) {
    WM_RETURN_IF_ERROR(WriteNew(dir / name, "ref: " + target + "\n"));
  }
  if (worktree.branch.empty()) return absl::OkStatus();
  const std::string own = "refs/heads/" + worktree.branch;
  if (const auto at = refs.refs.find(own); at != refs.refs.end()) {
    WM_RETURN_IF_ERROR(WriteNew(meta / "base", at->second.id + " " + worktree.branch + "\n"));
  }
  return CopyIfPresent(common / "logs" / own, dir / "logs" / own, kMaxReflog);
}

}  // namespace

absl::Status LayOutPrivateGit(CommandRunner& runner, const Worktree& worktree, const Env& caller,
                              const fs::path& dir, const fs::path& meta, std::stop_token stop) {
  const fs::path& common = worktree.repository.common_dir;
  WM_ASSIGN_OR_RETURN(const std::string listed, EffectiveConfig(runner, worktree, caller, stop));
  WM_ASSIGN_OR_RETURN(const std::vector<fs::path> stores, ObjectStores(common));

  const bool bare = worktree.repository.main_worktree.empty();
  WM_RETURN_IF_ERROR(WriteNew(dir / "config", BuildPrivateConfig(listed, bare)));
  for (const char* name : {"hooks", "refs/heads", "refs/tags", "objects/pack"}) {
    WM_RETURN_IF_ERROR(MakeDirectories(dir / name));
  }
  WM_RETURN_IF_ERROR(WriteNew(
      dir / "info/exclude",
      WithUserFile(listed, "core.excludesfile", "ignore", caller, common / "info/exclude")));
  WM_RETURN_IF_ERROR(
      WriteNew(dir / "info/attributes", WithUserFile(listed, "core.attributesfile", "attributes",
                                                     caller, common / "info/attributes")));
  std::string alternates;
  for (std::size_t i = 0; i < stores.size(); ++i) alternates += ObjectStoreTarget(i) + "\n";
  WM_RETURN_IF_ERROR(WriteNew(dir / "objects/info/alternates", alternates));
  WM_RETURN_IF_ERROR(CopyIfPresent(common / "shallow", dir / "shallow"));
  WM_RETURN_IF_ERROR(LayOutAdmin(worktree, dir));
  WM_RETURN_IF_ERROR(WriteNew(meta / "empty", ""));
  std::error_code error;
  if (fs::is_directory(worktree.git_dir / "modules", error)) {
    // A mount point for the submodules' git directories.
    const fs::path admin = worktree.is_main ? dir : dir / "worktrees" / worktree.git_dir.filename();
    WM_RETURN_IF_ERROR(MakeDirectories(admin / "modules"));
  }
  return LayOutRefs(runner, worktree, dir, meta, std::move(stop));
}

}  // namespace workmux::daemon
