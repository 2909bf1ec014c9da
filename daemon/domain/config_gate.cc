#include "daemon/domain/config_gate.h"

#include <sys/stat.h>

#include "common/base/status.h"
#include "common/io/file.h"
#include "common/os/paths.h"
#include "daemon/config/config_loader.h"
#include "daemon/config/config_trust.h"

namespace workmux::daemon {

namespace fs = std::filesystem;

namespace {

// Directories above it that may be checkouts of other repositories. Most have none,
// and nobody has to be asked.
std::vector<fs::path> PossibleHolders(const Worktree& worktree) {
  std::vector<fs::path> holders;
  for (const fs::path& start : {worktree.path, worktree.repository.common_dir}) {
    for (fs::path dir = start.parent_path(); dir.has_relative_path(); dir = dir.parent_path()) {
      struct stat info {};
      const fs::path git = dir / ".git";
      const bool own = git == worktree.repository.common_dir;
      if (!own && ::lstat(git.c_str(), &info) == 0) holders.push_back(dir);
    }
  }
  return holders;
}

}  // namespace

absl::StatusOr<LoadedConfig> ConfigGate::Read(const Caller& caller,
                                              const std::filesystem::path& cwd,
                                              const Worktree& worktree) {
  WM_ASSIGN_OR_RETURN(const Paths paths, PathsFrom(caller.env));
  return LoadConfig({.global_dir = paths.config,
                     .cwd = cwd,
                     .worktree_root = worktree.path,
                     .main_worktree = worktree.repository.main_worktree,
                     .override_file = {}});
}

absl::StatusOr<LoadedConfig> ConfigGate::Load(const Caller& caller, const fs::path& cwd,
                                              const Worktree& worktree) {
  WM_RETURN_IF_ERROR(CheckRepository(worktree));
  return Read(caller, cwd, worktree);
}

absl::Status ConfigGate::CheckRepository(const Worktree& worktree) {
  const std::vector<fs::path> holders = PossibleHolders(worktree);
  if (holders.empty() || !locate_) return absl::OkStatus();
  const fs::path& common_dir = worktree.repository.common_dir;
  WM_ASSIGN_OR_RETURN(const bool own, trust_.WasSandboxed(common_dir));
  if (own) return absl::OkStatus();
  WM_ASSIGN_OR_RETURN(const bool inside, LiesInSandboxed(holders));
  if (!inside) return absl::OkStatus();
  WM_ASSIGN_OR_RETURN(const std::set<std::string> approved, trust_.ApprovedHashes(common_dir));
  if (!approved.empty()) return absl::OkStatus();
  return WithHint(
      WithReason(
          FailedPrecondition("{}: this repository lies where a sandbox could write, and was not "
                             "approved",
                             worktree.path.string()),
          "CONFIG_NEEDS_TRUST"),
      "look at its files and its .git/config, then approve it with: workmux trust");
}

absl::StatusOr<bool> ConfigGate::SandboxesCouldWrite(const Worktree& worktree) {
  WM_ASSIGN_OR_RETURN(const bool sandboxed, trust_.WasSandboxed(worktree.repository.common_dir));
  if (sandboxed || !locate_) return sandboxed;
  return LiesInSandboxed(PossibleHolders(worktree));
}

absl::StatusOr<bool> ConfigGate::LiesInSandboxed(const std::vector<fs::path>& holders) {
  for (const fs::path& dir : holders) {
    const auto outer = locate_(dir);
    if (!outer.ok() && ReasonOf(outer.status()) == "NOT_A_GIT_REPOSITORY") continue;
    if (!outer.ok()) return true;
    WM_ASSIGN_OR_RETURN(const bool inside, trust_.WasSandboxed(outer->repository.common_dir));
    if (inside) return true;
  }
  return false;
}

absl::StatusOr<bool> ConfigGate::NeedsTrust(const LoadedConfig& loaded, const Worktree& worktree) {
  const std::filesystem::path& repository = worktree.repository.common_dir;
  WM_ASSIGN_OR_RETURN(const bool sandboxed, SandboxesCouldWrite(worktree));
  WM_ASSIGN_OR_RETURN(const std::set<std::string> approved, trust_.ApprovedHashes(repository));
  return DecideConfigTrust(sandboxed, approved, loaded.source.project_sha256) ==
         ConfigTrust::kNeedsReview;
}

absl::StatusOr<LoadedConfig> ConfigGate::LoadTrusted(const Caller& caller,
                                                     const std::filesystem::path& cwd,
                                                     const Worktree& worktree) {
  WM_ASSIGN_OR_RETURN(LoadedConfig loaded, Load(caller, cwd, worktree));
  WM_ASSIGN_OR_RETURN(const bool needs_trust, NeedsTrust(loaded, worktree));
  if (!needs_trust) return loaded;
  const std::string file =
      loaded.source.project_file.empty()
          ? Format("{}: the project's configuration is gone", worktree.path.string())
          : loaded.source.project_file.string();
  return WithHint(
      WithReason(FailedPrecondition(
                     "{}: changed where a sandbox could write, and not approved since", file),
                 "CONFIG_NEEDS_TRUST"),
      "look at it and approve it with: workmux trust");
}

absl::Status ConfigGate::BeginSandboxing(const std::filesystem::path& common_dir,
                                         const std::string& hash) {
  MutexLock lock(mu_);
  WM_ASSIGN_OR_RETURN(const bool sandboxed, trust_.WasSandboxed(common_dir));
  if (sandboxed) return absl::OkStatus();
  WM_RETURN_IF_ERROR(
      trust_.ApproveHash(common_dir, hash.empty() ? kNoProjectFile : std::string_view(hash)));
  return trust_.MarkSandboxed(common_dir);
}

absl::StatusOr<ConfigGate::Review> ConfigGate::Inspect(const Caller& caller,
                                                       const std::filesystem::path& cwd,
                                                       const Worktree& worktree) {
  WM_ASSIGN_OR_RETURN(const LoadedConfig loaded, Read(caller, cwd, worktree));
  Review review;
  WM_ASSIGN_OR_RETURN(review.needs_trust, NeedsTrust(loaded, worktree));
  review.file = loaded.source.project_file;
  review.sha256 = loaded.source.project_sha256.empty() ? std::string(kNoProjectFile)
                                                       : loaded.source.project_sha256;
  if (review.file.empty()) return review;
  WM_ASSIGN_OR_RETURN(review.content,
                      ReadFileBeneath(review.file.parent_path(), review.file.filename()));
  WM_ASSIGN_OR_RETURN(const std::string hash, Sha256Hex(review.content));
  if (hash != review.sha256) return Aborted("{}: changed while it was read", review.file.string());
  return review;
}

absl::Status ConfigGate::Approve(const Caller& caller, const std::filesystem::path& cwd,
                                 const Worktree& worktree, const std::string& sha256) {
  WM_ASSIGN_OR_RETURN(const Review review, Inspect(caller, cwd, worktree));
  if (review.sha256 != sha256) {
    return WithHint(Aborted("{}: is no longer what was shown", review.file.string()),
                    "run workmux trust again");
  }
  return trust_.ApproveHash(worktree.repository.common_dir, sha256);
}

}  // namespace workmux::daemon
