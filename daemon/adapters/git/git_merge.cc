#include <algorithm>

#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/io/file.h"
#include "daemon/adapters/git/git_cli.h"
#include "daemon/adapters/git/git_command.h"
#include "daemon/adapters/git/git_operation.h"
#include "daemon/adapters/git/porcelain.h"
#include "daemon/adapters/git/ref_name.h"

namespace workmux::daemon {
namespace {

namespace fs = std::filesystem;

// Hooks of the user may run a test suite.
constexpr std::chrono::minutes kTimeout{30};
constexpr std::size_t kMaxSubjects = 100;

// The user's git in one worktree. The git directory is named instead of found:
// the worktree's .git file may have been written by a sandbox.
class UserCheckout {
 public:
  UserCheckout(CommandRunner& runner, const Worktree& worktree, const Env& env, bool no_verify)
      : runner_(runner), worktree_(worktree), env_(env), no_verify_(no_verify) {}

  absl::StatusOr<CommandResult> Run(std::vector<std::string> arguments, std::string input = {}) {
    std::vector<std::string> all = {"--git-dir=" + worktree_.git_dir.string(),
                                    "--work-tree=" + worktree_.path.string()};
    if (no_verify_) all.insert(all.end(), {"-c", "core.hooksPath=/dev/null"});
    for (std::string& argument : arguments) all.push_back(std::move(argument));
    Command command = UserGit(worktree_.path, env_, std::move(all));
    command.stdin_data = std::move(input);
    RunOptions options;
    options.timeout = kTimeout;
    return runner_.Run(command, options);
  }

  // OK when git ended well, else what it said.
  absl::Status Do(std::string_view what, std::vector<std::string> arguments,
                  std::string input = {}) {
    WM_ASSIGN_OR_RETURN(const CommandResult result, Run(std::move(arguments), std::move(input)));
    if (result.exit.ok()) return absl::OkStatus();
    return GitFailed(what, result);
  }

  absl::StatusOr<StatusReport> TrackedStatus() {
    WM_ASSIGN_OR_RETURN(const CommandResult result,
                        Run({"status", "--porcelain=v2", "-z", "--untracked-files=no",
                             "--ignore-submodules=dirty"}));
    if (!result.exit.ok()) return GitFailed("status", result);
    return ParseStatus(result.out);
  }

  // Before anything begins: what is under way is the user's, and would be lost
  // by the clean-up after a failure.
  absl::Status RequireIdle() const {
    WM_ASSIGN_OR_RETURN(const GitOperation operation, ReadOperation(worktree_.git_dir));
    if (operation.name.empty()) return absl::OkStatus();
    return WithHint(
        WithReason(FailedPrecondition("a {} is in progress in '{}'", operation.name, Shown()),
                   "OPERATION_IN_PROGRESS"),
        Format("finish or abort the {} there first", operation.name));
  }

  absl::Status RequireCleanTracked() {
    WM_ASSIGN_OR_RETURN(const StatusReport report, TrackedStatus());
    if (report.changes.count == 0) return absl::OkStatus();
    return WithHint(WithReason(FailedPrecondition("{}: has uncommitted changes in {}", Shown(),
                                                  Counted(report.changes.count, "tracked file")),
                               "TARGET_DIRTY"),
                    "Commit or stash the changes there first.");
  }

  std::string Shown() const { return Printable(worktree_.path.string()); }

 private:
  CommandRunner& runner_;
  const Worktree& worktree_;
  const Env& env_;
  const bool no_verify_;
};

std::string ShownPaths(const std::vector<std::string>& paths) {
  std::vector<std::string> shown;
  for (const std::string& path : paths) shown.push_back(Printable(path));
  return Join(shown, ", ");
}

// The error for an attempt that left conflicts, or that a hook refused.
absl::Status Stopped(std::string_view what, const std::vector<std::string>& conflicted,
                     const absl::Status& failure, std::string_view hint) {
  if (conflicted.empty()) return WithReason(Aborted("{}", MessageOf(failure)), "MERGE_REFUSED");
  return WithHint(
      WithReason(Aborted("{}: conflicts in {}", what, ShownPaths(conflicted)), "MERGE_CONFLICT"),
      hint);
}

absl::Status NotRestored(const UserCheckout& checkout, const absl::Status& why,
                         std::string_view command) {
  return WithHint(WithReason(Internal("{}: could not be put back after a failed merge: {}",
                                      checkout.Shown(), MessageOf(why)),
                             "MERGE_NOT_RESTORED"),
                  Format("Run `{}` there after looking at `git status`.", command));
}

// The commits' subjects as a message, oldest first.
std::string SquashMessage(std::string_view commitish, const std::vector<Commit>& commits) {
  if (commits.size() == 1) return Printable(commits.front().subject);
  std::string message = Format("Merge {} (squashed)\n\n", Printable(commitish));
  for (auto commit = commits.rbegin(); commit != commits.rend(); ++commit) {
    message += "* " + Printable(commit->subject) + "\n";
  }
  return message;
}

// Takes back what `merge --squash` did. --merge leaves alone what was edited
// meanwhile in files that the merge did not touch.
absl::Status UndoSquash(UserCheckout& checkout, const fs::path& git_dir) {
  WM_RETURN_IF_ERROR(checkout.Do("reset", {"reset", "--quiet", "--merge", "HEAD"}));
  std::error_code error;
  fs::remove(git_dir / "SQUASH_MSG", error);
  return absl::OkStatus();
}

}  // namespace

absl::Status GitCli::Switch(const Worktree& worktree, std::string_view branch, const Env& env) {
  WM_RETURN_IF_ERROR(CheckBranch(branch));
  WM_ASSIGN_OR_RETURN(const bool exists, BranchExists(worktree.repository, branch));
  if (!exists) return WithReason(NotFound("no branch '{}'", Printable(branch)), "NO_SUCH_BRANCH");
  const auto head = ReadFileBeneath(worktree.git_dir, "HEAD");
  if (head.ok() && Trim(*head) == "ref: refs/heads/" + std::string(branch)) return absl::OkStatus();
  UserCheckout checkout(runner_, worktree, env, false);
  WM_RETURN_IF_ERROR(checkout.RequireIdle());
  const absl::Status done = checkout.Do(
      "switch", {"switch", "--quiet", "--no-guess", "--end-of-options", std::string(branch)});
  if (done.ok() || done.code() != absl::StatusCode::kInternal) return done;
  return WithReason(FailedPrecondition("{}", MessageOf(done)), "SWITCH_REFUSED");
}

absl::Status GitCli::Merge(const MergeStep& step) {
  WM_RETURN_IF_ERROR(CheckRevision(step.commitish));
  UserCheckout checkout(runner_, step.worktree, step.env, step.no_verify);
  WM_RETURN_IF_ERROR(checkout.RequireIdle());
  std::vector<std::string> arguments = {"merge", "--no-edit"};
  if (step.no_verify) arguments.emplace_back("--no-verify");
  arguments.insert(arguments.end(), {"--end-of-options", step.commitish});
  const absl::Status failure = checkout.Do("merge", arguments);
  if (failure.ok()) return failure;

  WM_ASSIGN_OR_RETURN(const GitOperation begun, ReadOperation(step.worktree.git_dir));
  if (begun.name.empty()) {
    if (failure.code() != absl::StatusCode::kInternal) return failure;
    return WithReason(FailedPrecondition("{}", MessageOf(failure)), "MERGE_REFUSED");
  }
  const auto report = checkout.TrackedStatus();
  const absl::Status restored = checkout.Do("merge --abort", {"merge", "--abort"});
  if (!restored.ok()) return NotRestored(checkout, restored, "git merge --abort");
  if (!report.ok()) return report.status();
  return Stopped(
      Format("merging {}", Printable(step.commitish)), report->conflicted, failure,
      "Rebase the branch onto its target, resolve the conflicts there, then merge again.");
}

absl::Status GitCli::SquashMerge(const MergeStep& step) {
  WM_RETURN_IF_ERROR(CheckRevision(step.commitish));
  UserCheckout checkout(runner_, step.worktree, step.env, step.no_verify);
  WM_RETURN_IF_ERROR(checkout.RequireIdle());
  WM_RETURN_IF_ERROR(checkout.RequireCleanTracked());
  std::string message = step.message;
  if (Trim(message).empty()) {
    // HEAD of this worktree, not of the main one.
    const Repository here{.common_dir = step.worktree.git_dir, .main_worktree = {}};
    WM_ASSIGN_OR_RETURN(const std::string head, ResolveCommit(here, "HEAD"));
    WM_ASSIGN_OR_RETURN(const auto commits,
                        CommitsNotIn(step.worktree.repository, step.commitish, head, kMaxSubjects));
    message = SquashMessage(step.commitish, commits);
  }

  std::vector<std::string> merge = {"merge", "--squash", "--ff"};
  if (step.no_verify) merge.emplace_back("--no-verify");
  merge.insert(merge.end(), {"--end-of-options", step.commitish});
  const fs::path& git_dir = step.worktree.git_dir;
  const absl::Status merged = checkout.Do("merge --squash", merge);
  const auto report = checkout.TrackedStatus();
  if (merged.ok() && report.ok() && !report->changes.staged) return UndoSquash(checkout, git_dir);

  absl::Status failure = merged.ok() ? report.status() : merged;
  if (failure.ok()) {
    std::vector<std::string> commit = {"commit", "--quiet", "--cleanup=whitespace", "--file=-"};
    if (step.no_verify) commit.emplace_back("--no-verify");
    failure = checkout.Do("commit", commit, message);
    if (failure.ok()) return failure;
  }
  const absl::Status restored = UndoSquash(checkout, git_dir);
  if (!restored.ok()) return NotRestored(checkout, restored, "git reset --merge HEAD");
  if (!report.ok()) return report.status();
  if (!merged.ok() && report->changes.count == 0) {
    return WithReason(FailedPrecondition("{}", MessageOf(failure)), "MERGE_REFUSED");
  }
  return Stopped(
      Format("squashing {}", Printable(step.commitish)), report->conflicted, failure,
      "Rebase the branch onto its target, resolve the conflicts there, then merge again.");
}

absl::Status GitCli::Rebase(const MergeStep& step) {
  WM_RETURN_IF_ERROR(CheckRevision(step.commitish));
  UserCheckout checkout(runner_, step.worktree, step.env, step.no_verify);
  WM_RETURN_IF_ERROR(checkout.RequireIdle());
  std::vector<std::string> arguments = {"rebase"};
  if (step.no_verify) arguments.emplace_back("--no-verify");
  arguments.insert(arguments.end(), {"--end-of-options", step.commitish});
  const absl::Status failure = checkout.Do("rebase", arguments);
  if (failure.ok()) return failure;
  WM_ASSIGN_OR_RETURN(const GitOperation begun, ReadOperation(step.worktree.git_dir));
  if (begun.name.empty()) {
    if (failure.code() != absl::StatusCode::kInternal) return failure;
    return WithReason(FailedPrecondition("{}", MessageOf(failure)), "REBASE_REFUSED");
  }
  WM_ASSIGN_OR_RETURN(const StatusReport report, checkout.TrackedStatus());
  const std::string hint = Format(
      "Resolve the conflicts in {}, then run `git rebase --continue` there, or `git rebase "
      "--abort`.",
      checkout.Shown());
  if (report.conflicted.empty())
    return WithHint(WithReason(Aborted("{}", MessageOf(failure)), "REBASE_STOPPED"), hint);
  return WithHint(WithReason(Aborted("rebasing onto {}: conflicts in {}", Printable(step.commitish),
                                     ShownPaths(report.conflicted)),
                             "REBASE_CONFLICT"),
                  hint);
}

absl::StatusOr<Git::Identity> GitCli::GetIdentity(const Worktree& worktree, const Env& env) {
  UserCheckout checkout(runner_, worktree, env, false);
  WM_ASSIGN_OR_RETURN(const CommandResult result,
                      checkout.Run({"config", "-z", "--get-regexp", R"(^user\.(name|email)$)"}));
  Identity identity;
  // git-config(1): 1 when nothing matches.
  if (result.exit.signal == 0 && result.exit.code == 1) return identity;
  if (!result.exit.ok()) return GitFailed("config", result);
  for (const std::string& entry : Split(result.out, '\0')) {
    const auto newline = entry.find('\n');
    if (newline == std::string::npos) continue;
    std::string& field = entry.starts_with("user.name") ? identity.name : identity.email;
    field = entry.substr(newline + 1);
  }
  return identity;
}

}  // namespace workmux::daemon
