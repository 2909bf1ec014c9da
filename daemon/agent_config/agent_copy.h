#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <absl/status/statusor.h>

#include "daemon/agent_config/copy_records.h"
#include "daemon/agent_config/file_stamp.h"
#include "daemon/domain/agent_config_plan.h"
#include "daemon/domain/agent_files.h"
#include "daemon/domain/sandbox_spec.h"
#include "daemon/domain/types.h"

namespace workmux::daemon {

// What the sandboxes of one worktree see of one agent's directory:
//
//   <base>/<worktree>/                0700, as worktree_state.h has it
//     meta/identity
//     <profile>-<hash>/               of the host directory it is a copy of
//       dir/                          the guest's: mounted read-write
//       claude.json, claude-config/   mounted too; see AgentConfigPlan::seed_file
//       meta/source                   profile and host directory
//       meta/records                  CopyRecords
//
// A value; copies mean the same directory. What is in dir/ may be anything, what is
// beside it no guest can reach. What of a guest's is in the way goes to <base>/discarded.
// Blocking, but never for as long as a guest likes; one caller at a time.
class AgentCopy {
 public:
  // Makes it, or finds it again. `host_dir` is canonical. What was made for an
  // earlier worktree at the same path goes to <base>/trash.
  static absl::StatusOr<AgentCopy> Ensure(const std::filesystem::path& base,
                                          const Worktree& worktree, const std::string& profile,
                                          const std::filesystem::path& host_dir);
  // All of a worktree; none when it has no state.
  static std::vector<AgentCopy> AllOf(const std::filesystem::path& base, const Worktree& worktree);

  // Brings the host's settings and seeds in. A file of the host's that went away
  // goes from the copy too; one that only the guest made stays.
  absl::Status RefreshSettings();
  // The same for the host's `seed` of a file that lies in dir/, beside it, or in
  // a directory of its own beside it: `relative` to path(). In dir/ it is only
  // made when absent.
  absl::Status RefreshSeed(const std::filesystem::path& seed,
                           const std::filesystem::path& relative);
  // The host's directories of settings, read-only, below `target`. Their mount
  // points are made.
  absl::StatusOr<std::vector<Mount>> SettingsMounts(const std::filesystem::path& target);

  const std::filesystem::path& path() const { return root_; }
  std::filesystem::path dir() const { return root_ / "dir"; }
  std::filesystem::path meta() const { return root_ / "meta"; }
  // Of all copies of the base: where a guest's directories go that are in the way.
  std::filesystem::path discarded() const { return DiscardedIn(root_.parent_path().parent_path()); }
  static std::filesystem::path DiscardedIn(const std::filesystem::path& base) {
    return base / "discarded";
  }
  const std::filesystem::path& host_dir() const { return host_dir_; }
  const AgentFiles& files() const { return *files_; }

  CopyRecords LoadRecords() const { return CopyRecords::Load(meta() / "records"); }
  absl::Status SaveRecords(CopyRecords& records) const;
  // Writes dir/`name`; never through a link. The second only over what `expected`
  // says (ExchangeEntry), unless that is no file at all.
  absl::Status Write(const std::string& name, std::string_view content, mode_t mode) const;
  absl::Status WriteOver(const std::string& name, std::string_view content,
                         const FileStamp& expected) const;
  // Takes dir/`name` away, whatever it is; absent is success.
  absl::Status Remove(const std::string& name) const;

 private:
  AgentCopy(std::filesystem::path root, std::filesystem::path host_dir, const std::string& profile);
  static absl::StatusOr<AgentCopy> Find(const std::filesystem::path& root);
  absl::Status RefreshFile(int own, const std::string& name, CopyRecords& records);
  absl::Status SeedFile(int own, const std::string& name);

  std::filesystem::path root_;
  std::filesystem::path host_dir_;
  const AgentFiles* files_;
};

}  // namespace workmux::daemon
