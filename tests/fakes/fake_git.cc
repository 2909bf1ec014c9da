#include "tests/fakes/fake_git.h"

#include <algorithm>
#include <utility>

#include "common/base/status.h"

namespace workmux::test {

namespace fs = std::filesystem;
using daemon::Commit;
using daemon::Repository;
using daemon::Worktree;

FakeGit::FakeGit(const fs::path& root) {
  repository_ = {root / "repo" / ".git", root / "repo"};
  fs::create_directories(repository_.common_dir / "info");
  Worktree main;
  main.repository = repository_;
  main.path = repository_.main_worktree;
  main.git_dir = repository_.common_dir;
  main.branch = "main";
  main.is_main = true;
  worktrees_.push_back(main);
  refs_["refs/heads/main"] = NewCommit("first", {});
}

std::string FakeGit::NewCommit(const std::string& subject, std::vector<std::string> parents) {
  std::string id = Format("{:040x}", next_id_++);
  commits_[id] = {subject, std::move(parents)};
  return id;
}

std::string FakeGit::CommitOn(const std::string& branch, const std::string& subject) {
  std::string& ref = refs_["refs/heads/" + branch];
  ref = NewCommit(subject, ref.empty() ? std::vector<std::string>() : std::vector{ref});
  return ref;
}

std::string FakeGit::Ref(const std::string& ref) const {
  const auto found = refs_.find(ref);
  return found == refs_.end() ? "" : found->second;
}

void FakeGit::SetRef(const std::string& ref, const std::string& id) { refs_[ref] = id; }

std::set<std::string> FakeGit::refs_named(const std::string& prefix) const {
  std::set<std::string> names;
  for (const auto& [name, id] : refs_) {
    if (name.starts_with(prefix)) names.insert(name);
  }
  return names;
}

void FakeGit::SetBranchOf(const fs::path& worktree, const std::string& branch) {
  Find(worktree)->branch = branch;
}

void FakeGit::MakeDirty(const fs::path& worktree, daemon::WorktreeChanges changes) {
  changes_[worktree] = std::move(changes);
}

void FakeGit::StopRebase(const fs::path& worktree) {
  rebased_[worktree] = std::exchange(Find(worktree)->branch, "");
  changes_[worktree].operation = "rebase";
}

Worktree* FakeGit::Find(const fs::path& worktree) {
  const auto found = std::find_if(worktrees_.begin(), worktrees_.end(),
                                  [&](const Worktree& w) { return w.path == worktree; });
  return found == worktrees_.end() ? nullptr : &*found;
}

bool FakeGit::HasWorktree(const fs::path& worktree) { return Find(worktree) != nullptr; }

void FakeGit::FailNext(const std::string& method, absl::Status status, int skip) {
  MutexLock lock(mu_);
  faults_[method] = {std::move(status), skip};
}

absl::Status FakeGit::Enter(const std::string& method) {
  MutexLock lock(mu_);
  const auto fault = faults_.find(method);
  if (fault == faults_.end() || fault->second.skip-- > 0) return absl::OkStatus();
  const absl::Status status = fault->second.status;
  faults_.erase(fault);
  return status;
}

std::string FakeGit::IdOf(std::string_view text) const {
  if (commits_.contains(std::string(text))) return std::string(text);
  for (const std::string_view prefix : {"", "refs/heads/", "refs/remotes/", "refs/tags/"}) {
    const std::string id = Ref(std::string(prefix) + std::string(text));
    if (!id.empty()) return id;
  }
  return "";
}

std::set<std::string> FakeGit::Ancestors(const std::string& id) const {
  std::set<std::string> seen;
  std::vector<std::string> todo{id};
  while (!todo.empty()) {
    const std::string at = todo.back();
    todo.pop_back();
    const auto node = commits_.find(at);
    if (node == commits_.end() || !seen.insert(at).second) continue;
    todo.insert(todo.end(), node->second.parents.begin(), node->second.parents.end());
  }
  return seen;
}

absl::StatusOr<Worktree> FakeGit::Locate(const fs::path& dir) {
  WM_RETURN_IF_ERROR(Enter("Locate"));
  for (fs::path at = dir; at.has_relative_path(); at = at.parent_path()) {
    if (const Worktree* found = Find(at)) return *found;
  }
  return WithReason(FailedPrecondition("not in a git repository"), "NOT_A_GIT_REPOSITORY");
}

absl::StatusOr<std::vector<Worktree>> FakeGit::ListWorktrees(const Repository&) {
  WM_RETURN_IF_ERROR(Enter("ListWorktrees"));
  std::vector<Worktree> all = worktrees_;
  for (Worktree& worktree : all) worktree.missing = !fs::exists(worktree.path);
  return all;
}

absl::Status FakeGit::AddWorktree(const Repository&, const daemon::AddWorktreeSpec& spec) {
  const std::string ref = "refs/heads/" + spec.branch;
  if (spec.create_branch == refs_.contains(ref)) return AlreadyExists("branch {}", spec.branch);
  if (fs::exists(spec.path) && !fs::is_empty(spec.path)) return AlreadyExists("path exists");
  for (const Worktree& other : worktrees_) {
    if (other.branch == spec.branch) return FailedPrecondition("already checked out");
  }
  // As with git, a failure may come when the branch exists already.
  if (spec.create_branch) refs_[ref] = IdOf(spec.base);
  WM_RETURN_IF_ERROR(Enter("AddWorktree"));
  fs::create_directories(spec.path);
  Worktree worktree;
  worktree.repository = repository_;
  worktree.path = spec.path;
  worktree.git_dir = repository_.common_dir / "worktrees" / spec.path.filename();
  worktree.branch = spec.branch;
  worktrees_.push_back(worktree);
  return absl::OkStatus();
}

absl::Status FakeGit::ForgetWorktree(const Worktree& worktree) {
  WM_RETURN_IF_ERROR(Enter("ForgetWorktree"));
  if (fs::exists(worktree.path)) return FailedPrecondition("its files are still there");
  changes_.erase(worktree.path);
  return std::erase_if(worktrees_, [&](const Worktree& w) { return w.path == worktree.path; }) == 1
             ? absl::OkStatus()
             : NotFound("no such worktree");
}

absl::StatusOr<std::string> FakeGit::ResolveRef(const Repository&, std::string_view ref) {
  WM_RETURN_IF_ERROR(Enter("ResolveRef"));
  const std::string id = Ref(std::string(ref));
  if (id.empty()) return NotFound("{}", ref);
  return id;
}

absl::StatusOr<std::map<std::string, std::string>> FakeGit::ListRefs(const Repository&,
                                                                     std::string_view prefix) {
  WM_RETURN_IF_ERROR(Enter("ListRefs"));
  std::map<std::string, std::string> found;
  for (const auto& [name, id] : refs_) {
    if (name.starts_with(prefix)) found.emplace(name, id);
  }
  return found;
}

absl::StatusOr<std::string> FakeGit::ResolveCommit(const Repository&, std::string_view text) {
  const std::string id = IdOf(text);
  if (id.empty()) return NotFound("{}", text);
  return id;
}

absl::StatusOr<bool> FakeGit::BranchExists(const Repository&, std::string_view branch) {
  return refs_.contains("refs/heads/" + std::string(branch));
}

absl::Status FakeGit::CheckBranchName(std::string_view branch) {
  // A part of git-check-ref-format(1).
  if (branch.empty() || branch.find_first_of(" ~^:?*[\\") != std::string_view::npos ||
      branch.find("..") != std::string_view::npos || branch.front() == '-') {
    return InvalidArgument("'{}' is not a valid branch name", branch);
  }
  return absl::OkStatus();
}

absl::Status FakeGit::UpdateRef(const Repository&, std::string_view ref, std::string_view new_id,
                                std::string_view old_id) {
  WM_RETURN_IF_ERROR(Enter("UpdateRef"));
  const std::string name(ref);
  if (Ref(name) != old_id)
    return WithReason(Aborted("{} is at another commit", ref), "REF_CHANGED");
  if (new_id.empty()) {
    refs_.erase(name);
  } else {
    refs_[name] = std::string(new_id);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> FakeGit::MainBranch(const Repository&) {
  WM_RETURN_IF_ERROR(Enter("MainBranch"));
  if (Ref("refs/heads/main").empty()) return NotFound("no main branch");
  return std::string("main");
}

absl::StatusOr<daemon::WorktreeChanges> FakeGit::Changes(const Worktree& worktree,
                                                         std::stop_token) {
  WM_RETURN_IF_ERROR(Enter("Changes"));
  if (!fs::exists(worktree.path)) return NotFound("{}", worktree.path.string());
  return changes_[worktree.path];
}

absl::StatusOr<daemon::GitOperation> FakeGit::OperationUnderWay(const Worktree& worktree) {
  WM_RETURN_IF_ERROR(Enter("OperationUnderWay"));
  const auto rebased = rebased_.find(worktree.path);
  if (rebased != rebased_.end()) return daemon::GitOperation{"rebase", rebased->second};
  return daemon::GitOperation{changes_[worktree.path].operation, ""};
}

absl::StatusOr<bool> FakeGit::IsIgnored(const Worktree&, const fs::path&) { return ignored_; }

// What is not ignored is tracked.
absl::StatusOr<std::vector<fs::path>> FakeGit::Tracked(const Worktree&,
                                                       const std::vector<fs::path>& relative) {
  return ignored_ ? std::vector<fs::path>() : relative;
}

absl::StatusOr<std::vector<Commit>> FakeGit::CommitsNotIn(const Repository&, std::string_view tip,
                                                          std::string_view base,
                                                          std::size_t limit) {
  WM_RETURN_IF_ERROR(Enter("CommitsNotIn"));
  const std::string tip_id = IdOf(tip);
  const std::string base_id = IdOf(base);
  if (tip_id.empty() || base_id.empty()) return NotFound("no such commit");
  const std::set<std::string> have = Ancestors(base_id);
  std::vector<Commit> news;
  const std::set<std::string> all = Ancestors(tip_id);
  for (auto id = all.rbegin(); id != all.rend() && news.size() < limit; ++id) {
    if (!have.contains(*id)) news.push_back({*id, commits_.at(*id).subject});
  }
  return news;
}

absl::StatusOr<std::set<std::string>> FakeGit::NotReachable(const Repository&,
                                                            const std::vector<std::string>& tips,
                                                            const std::vector<std::string>& bases) {
  ++reachability_questions;
  WM_RETURN_IF_ERROR(Enter("NotReachable"));
  std::set<std::string> reached;
  for (const std::string& base : bases) reached.merge(Ancestors(base));
  std::set<std::string> missing;
  for (const std::string& tip : tips) {
    if (!commits_.contains(tip)) return NotFound("no such commit");
    if (!reached.contains(tip)) missing.insert(tip);
  }
  return missing;
}

absl::StatusOr<std::string> FakeGit::GetConfig(const Repository&, std::string_view key) {
  const auto found = config_.find(std::string(key));
  if (found == config_.end()) return NotFound("{}", key);
  return found->second;
}

absl::Status FakeGit::SetConfig(const Repository&, std::string_view key, std::string_view value) {
  config_[std::string(key)] = std::string(value);
  return absl::OkStatus();
}

absl::Status FakeGit::RemoveConfigSection(const Repository&, std::string_view section) {
  const std::string prefix = std::string(section) + ".";
  const auto removed =
      std::erase_if(config_, [&](const auto& entry) { return entry.first.starts_with(prefix); });
  return removed > 0 ? absl::OkStatus() : NotFound("{}", section);
}

absl::Status FakeGit::Switch(const Worktree& worktree, std::string_view branch, const Env&) {
  Find(worktree.path)->branch = std::string(branch);
  return absl::OkStatus();
}

absl::Status FakeGit::Merge(const MergeStep& step) {
  WM_RETURN_IF_ERROR(Enter("Merge"));
  if (conflicting_) return Aborted("conflict in a.txt");
  std::string& ref = refs_["refs/heads/" + Find(step.worktree.path)->branch];
  const std::string theirs = IdOf(step.commitish);
  if (theirs.empty()) return NotFound("{}", step.commitish);
  ref = Ancestors(theirs).contains(ref) ? theirs : NewCommit("merge", {ref, theirs});
  return absl::OkStatus();
}

absl::Status FakeGit::SquashMerge(const MergeStep& step) {
  WM_RETURN_IF_ERROR(Enter("SquashMerge"));
  if (conflicting_) return Aborted("conflict in a.txt");
  if (step.message.empty()) return InvalidArgument("no message");
  last_squash_message = step.message;
  std::string& ref = refs_["refs/heads/" + Find(step.worktree.path)->branch];
  ref = NewCommit(step.message, {ref});
  return absl::OkStatus();
}

absl::Status FakeGit::Rebase(const MergeStep& step) {
  WM_RETURN_IF_ERROR(Enter("Rebase"));
  if (conflicting_) {
    changes_[step.worktree.path].operation = "rebase";
    return Aborted("conflict in a.txt");
  }
  std::string& ref = refs_["refs/heads/" + Find(step.worktree.path)->branch];
  WM_ASSIGN_OR_RETURN(const std::vector<Commit> own,
                      CommitsNotIn(repository_, ref, step.commitish, 100));
  ref = IdOf(step.commitish);
  for (auto commit = own.rbegin(); commit != own.rend(); ++commit) {
    ref = NewCommit(commit->subject, {ref});
  }
  return absl::OkStatus();
}

absl::StatusOr<daemon::Git::Identity> FakeGit::GetIdentity(const Worktree&, const Env&) {
  return Identity{"A", "a@example.com"};
}

}  // namespace workmux::test
