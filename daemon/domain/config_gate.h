#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <absl/status/statusor.h>

#include "common/base/mutex.h"
#include "daemon/config/config.h"
#include "daemon/domain/types.h"
#include "daemon/ports/records.h"

namespace workmux::daemon {

// The way to a configuration. What acts on the host (hooks, pane commands, the
// agent, sandbox settings) goes through LoadTrusted: once a sandbox could have
// written a repository's project file, only content that a person approved
// counts. Thread-safe.
class ConfigGate {
 public:
  // As Git::Locate.
  using LocateFn = std::function<absl::StatusOr<Worktree>(const std::filesystem::path&)>;
  explicit ConfigGate(TrustRecords& trust, LocateFn locate = nullptr)
      : trust_(trust), locate_(std::move(locate)) {}

  // As the caller would see it in `cwd` of `worktree`; for showing things.
  // CONFIG_NEEDS_TRUST for a repository that a sandbox could have made, whose git
  // configuration git would follow even so.
  absl::StatusOr<LoadedConfig> Load(const Caller& caller, const std::filesystem::path& cwd,
                                    const Worktree& worktree);
  // kFailedPrecondition (CONFIG_NEEDS_TRUST) when it has to be approved first.
  absl::StatusOr<LoadedConfig> LoadTrusted(const Caller& caller, const std::filesystem::path& cwd,
                                           const Worktree& worktree);

  // From now on sandboxes may write the repository's files. Before the first one
  // the content that is there now (`hash`; empty: no file) counts as approved.
  absl::Status BeginSandboxing(const std::filesystem::path& common_dir, const std::string& hash);

  struct Review {
    bool needs_trust = false;
    std::filesystem::path file;  // empty: there is none
    std::string content;
    std::string sha256;
  };
  absl::StatusOr<Review> Inspect(const Caller& caller, const std::filesystem::path& cwd,
                                 const Worktree& worktree);
  // kAborted when the file is no longer what the person saw.
  absl::Status Approve(const Caller& caller, const std::filesystem::path& cwd,
                       const Worktree& worktree, const std::string& sha256);

 private:
  // Also true for a repository inside of another one whose sandboxes could have made
  // it, and where that cannot be told.
  absl::StatusOr<bool> SandboxesCouldWrite(const Worktree& worktree);
  absl::StatusOr<bool> LiesInSandboxed(const std::vector<std::filesystem::path>& holders);
  absl::StatusOr<LoadedConfig> Read(const Caller& caller, const std::filesystem::path& cwd,
                                    const Worktree& worktree);
  absl::Status CheckRepository(const Worktree& worktree);
  absl::StatusOr<bool> NeedsTrust(const LoadedConfig& loaded, const Worktree& worktree);

  TrustRecords& trust_;
  const LocateFn locate_;  // null: no repository is inside of another
  Mutex mu_;               // makes BeginSandboxing one step
};

}  // namespace workmux::daemon
