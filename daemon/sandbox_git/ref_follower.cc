#include "daemon/sandbox_git/ref_follower.h"

#include <utility>

#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/io/file.h"
#include "daemon/adapters/git/git_command.h"
#include "daemon/sandbox_git/host_refs.h"
#include "daemon/sandbox_git/private_refs.h"

namespace workmux::daemon {
namespace {

constexpr std::size_t kMaxFollowed = std::size_t{1} << 30;  // bytes
constexpr int kMaxProcesses = 64;                           // for one Follow

// $1 old, $2 new, $3 ref. The index goes first because its lock is the one that
// the guest may hold; it goes back when the ref has moved meanwhile.
constexpr char kAdvance[] =
    "g=/usr/bin/git; $g diff-index --cached --quiet \"$1\" -- || exit 3\n"
    "$g read-tree -i -m \"$1\" \"$2\" || exit 3\n"
    "$g update-ref -m 'workmux: follow the host' \"$3\" \"$2\" \"$1\" && exit 0\n"
    "$g read-tree -i -m \"$2\" \"$1\"; exit 3\n";

using RefTable = std::map<std::string, std::string, std::less<>>;

RefTable ParseFollowed(std::string_view text) {
  RefTable table;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const std::size_t space = line.find(' ');
    if (line.front() == '#' || line.front() == '^' || space == std::string_view::npos) continue;
    table.emplace_hint(table.end(), line.substr(space + 1), line.substr(0, space));
  }
  return table;
}

std::vector<RefChange> MovedRefs(const RefTable& followed, const HostRefs& host) {
  // Both tables are sorted by name.
  std::vector<RefChange> moved;
  auto before = followed.begin();
  auto now = host.refs.begin();
  while (before != followed.end() || now != host.refs.end()) {
    const bool gone =
        now == host.refs.end() || (before != followed.end() && before->first < now->first);
    const bool fresh = !gone && (before == followed.end() || now->first < before->first);
    if (gone) {
      moved.push_back({before->first, before->second, ""});
    } else if (fresh) {
      moved.push_back({now->first, "", now->second.id});
    } else if (before->second != now->second.id) {
      moved.push_back({now->first, before->second, now->second.id});
    }
    if (!fresh) ++before;
    if (!gone) ++now;
  }
  return moved;
}

// A deletion and a creation below the same name cannot share a transaction.
std::string Transactions(std::string_view deletes, std::string_view updates) {
  std::string text;
  for (const std::string_view part : {deletes, updates}) {
    if (!part.empty()) text.append("start\n").append(part).append("prepare\ncommit\n");
  }
  return text;
}

}  // namespace

absl::StatusOr<RefFollower::Followed> RefFollower::Follow(const Worktree& worktree,
                                                          const PrivateGitDir& dir,
                                                          std::stop_token stop) {
  WM_ASSIGN_OR_RETURN(const FileLock lock, dir.Lock());
  WM_ASSIGN_OR_RETURN(const HostRefs host,
                      ReadHostRefs(runner_, worktree.repository.common_dir, stop));
  WM_ASSIGN_OR_RETURN(const std::string recorded, ReadFile(dir.meta() / "followed", kMaxFollowed));
  const RefTable followed = ParseFollowed(recorded);
  const std::string own = worktree.branch.empty() ? "" : "refs/heads/" + worktree.branch;

  const std::vector<RefChange> moved = MovedRefs(followed, host);
  Followed result;
  const auto own_now = own.empty() ? host.refs.end() : host.refs.find(own);
  const absl::StatusOr<std::string> base =
      own.empty() ? absl::StatusOr<std::string>("") : dir.Base(worktree.branch);
  if (!base.ok() && !absl::IsNotFound(base.status())) return base.status();
  const bool own_moved = own_now != host.refs.end() && (!base.ok() || *base != own_now->second.id);
  if (moved.empty() && !own_moved) return result;

  WM_ASSIGN_OR_RETURN(std::vector<Mount> mounts, dir.ObjectMounts());
  mounts.push_back({dir.path(), kPrivateGit, /*writable=*/true});
  std::vector<std::string> names = {own, "refs/remotes/host/" + worktree.branch};
  for (const RefChange& change : moved) names.push_back(change.name);
  using Values = std::map<std::string, std::string>;
  WM_ASSIGN_OR_RETURN(const Values values, ReadPrivateRefs(dir.path(), names));

  std::vector<RefChange> changes;
  for (const RefChange& change : moved) {
    if (change.name == own || !IsPlainRefName(change.name)) continue;
    if (values.at(change.name) == change.old_id) changes.push_back(change);
  }
  if (own_moved) {
    bool taken = false;
    if (base.ok() && !values.at(own).empty() && values.at(own) == *base) {
      WM_ASSIGN_OR_RETURN(taken, AdvanceOwn(dir, mounts, {own, *base, own_now->second.id}, stop));
    } else if (values.at(own) == own_now->second.id) {
      taken = true;
    }
    const std::string& shown = values.at(names[1]);
    if (taken) {
      WM_RETURN_IF_ERROR(dir.SetBase(worktree.branch, own_now->second.id));
      ++result.updated;
    } else {
      result.own_branch_left = true;
      if (shown != own_now->second.id) changes.push_back({names[1], shown, own_now->second.id});
    }
  }
  int budget = kMaxProcesses;
  WM_RETURN_IF_ERROR(Apply(dir, mounts, changes, budget, result.updated, std::move(stop)));
  if (!moved.empty()) {
    WM_RETURN_IF_ERROR(WriteFileAtomically(dir.meta() / "followed", FormatPackedRefs(host)));
  }
  return result;
}

absl::Status RefFollower::Apply(const PrivateGitDir& dir, const std::vector<Mount>& mounts,
                                std::span<const RefChange> changes, int& budget,
                                std::size_t& applied, std::stop_token stop) {
  if (changes.empty()) return absl::OkStatus();
  if (budget-- == 0)
    return WithReason(Aborted("too many refs of the sandbox are in the way"), "FOLLOW_INCOMPLETE");
  std::string deletes;
  std::string updates;
  for (const RefChange& change : changes) {
    if (change.new_id.empty()) {
      deletes += Format("delete {} {}\n", change.name, change.old_id);
    } else {
      const std::string old_id =
          change.old_id.empty() ? std::string(change.new_id.size(), '0') : change.old_id;
      updates += Format("update {} {} {}\n", change.name, change.new_id, old_id);
    }
  }
  Command command =
      HardenedGit(kPrivateGit, "", {"update-ref", "-m", "workmux: follow the host", "--stdin"});
  command.argv = jail_.Wrap(command.argv, mounts);
  command.stdin_data = Transactions(deletes, updates);
  RunOptions options;
  options.stop = stop;
  WM_ASSIGN_OR_RETURN(const CommandResult result, runner_.Run(command, options));
  if (result.exit.ok()) {
    applied += changes.size();
    return absl::OkStatus();
  }
  // One ref is in the way (moved meanwhile, or a directory of the guest's): the
  // others still follow, that one stays the guest's.
  if (changes.size() == 1) return absl::OkStatus();
  const std::size_t half = changes.size() / 2;
  WM_RETURN_IF_ERROR(Apply(dir, mounts, changes.first(half), budget, applied, stop));
  return Apply(dir, mounts, changes.subspan(half), budget, applied, stop);
}

absl::StatusOr<bool> RefFollower::AdvanceOwn(const PrivateGitDir& dir,
                                             const std::vector<Mount>& mounts, const RefChange& own,
                                             std::stop_token stop) {
  const absl::StatusOr<std::string> head = ReadFileBeneath(dir.path(), dir.admin() / "HEAD", 4096);
  if (!head.ok() || Trim(*head) != "ref: " + own.name) return false;
  Command command = HardenedGit(kPrivateGit / dir.admin(), "", {});
  command.env["GIT_CONFIG_COUNT"] = "2";
  command.env["GIT_CONFIG_KEY_0"] = "core.hooksPath";
  command.env["GIT_CONFIG_VALUE_0"] = "/dev/null";
  command.env["GIT_CONFIG_KEY_1"] = "core.fsmonitor";
  command.env["GIT_CONFIG_VALUE_1"] = "false";
  command.argv = jail_.Wrap(
      std::vector<std::string>{"/bin/sh", "-c", kAdvance, "sh", own.old_id, own.new_id, own.name},
      mounts);
  RunOptions options;
  options.stop = std::move(stop);
  WM_ASSIGN_OR_RETURN(const CommandResult result, runner_.Run(command, options));
  return result.exit.ok();
}

}  // namespace workmux::daemon
