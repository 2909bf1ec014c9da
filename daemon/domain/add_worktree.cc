#include "daemon/domain/add_worktree.h"

#include <unistd.h>

#include "common/base/status.h"
#include "common/base/strings.h"
#include "daemon/domain/operation_payload.h"
#include "daemon/domain/prompt_file.h"
#include "daemon/domain/worktree_base.h"
#include "daemon/domain/worktree_naming.h"
#include "daemon/domain/worktree_setup.h"

namespace workmux::daemon {
namespace {

namespace fs = std::filesystem;

absl::Status OpenInstead(absl::Status status, std::string_view handle) {
  return WithHint(std::move(status), Format("run workmux open {}", handle));
}

}  // namespace

absl::StatusOr<AddResult> AddWorktree::Run() {
  WM_RETURN_IF_ERROR(CheckInput());
  WM_ASSIGN_OR_RETURN(here_, deps_.git.Locate(context_.caller.cwd));
  WM_RETURN_IF_ERROR(ChooseBranch());
  WM_RETURN_IF_ERROR(ChoosePlace());
  WM_ASSIGN_OR_RETURN(const auto path_lock, locks_.TryLockWorktree(worktree_.path));
  WM_ASSIGN_OR_RETURN(const auto branch_lock,
                      locks_.TryLockBranch(here_.repository.common_dir, spec_.branch));
  WM_ASSIGN_OR_RETURN(siblings_, deps_.git.ListWorktrees(here_.repository));
  WM_RETURN_IF_ERROR(CheckBranchIsFree());
  WM_RETURN_IF_ERROR(CheckPlaceIsFree());
  WM_RETURN_IF_ERROR(CheckWindow());
  WM_RETURN_IF_ERROR(Stopped());
  std::shared_ptr<void> place;
  if (request_.reserve_place) {
    WM_ASSIGN_OR_RETURN(place, request_.reserve_place(worktree_.path));
  }

  WM_ASSIGN_OR_RETURN(
      journal_id_,
      deps_.journal.Begin("add",
                          EncodeOperation({{"common_dir", worktree_.repository.common_dir},
                                           {"main", worktree_.repository.main_worktree},
                                           {"path", worktree_.path},
                                           {"branch", spec_.branch},
                                           {"start", start_},
                                           {"created_branch", spec_.create_branch ? "1" : ""}})));
  absl::Status status = Create();
  place.reset();
  if (status.ok()) status = Equip();
  if (!status.ok()) return RollBack(status);
  const absl::Status ended = deps_.journal.End(journal_id_);
  if (!ended.ok()) context_.progress.Warn(MessageOf(ended));
  result_.worktree = worktree_;
  result_.base = base_;
  return std::move(result_);
}

absl::Status AddWorktree::Stopped() const {
  if (!context_.stop.stop_requested()) return absl::OkStatus();
  return Cancelled("add was cancelled");
}

absl::Status AddWorktree::CheckInput() {
  WM_RETURN_IF_ERROR(CheckBranchText(request_.branch));
  WM_RETURN_IF_ERROR(deps_.git.CheckBranchName(request_.branch));
  if (request_.prompt && request_.prompt->size() > kMaxPromptBytes) {
    return WithHint(ResourceExhausted("the prompt has {} bytes, {} are allowed",
                                      request_.prompt->size(), kMaxPromptBytes),
                    "put the long part into a file of the repository and name it in the prompt");
  }
  return absl::OkStatus();
}

absl::Status AddWorktree::ChooseBranch() {
  const Repository& repository = here_.repository;
  spec_.branch = request_.branch;
  WM_ASSIGN_OR_RETURN(const std::optional<std::string> existing,
                      Optional(deps_.git.ResolveRef(repository, BranchRef(spec_.branch))));
  if (existing) {
    start_ = *existing;
    if (!request_.base.empty()) {
      context_.progress.Warn(Format("the branch '{}' exists; --base is not used", spec_.branch));
    }
    return absl::OkStatus();
  }
  spec_.create_branch = true;
  if (spec_.branch.find('/') != std::string::npos && request_.base.empty()) {
    WM_ASSIGN_OR_RETURN(const std::optional<std::string> remote,
                        Optional(deps_.git.ResolveRef(repository, "refs/remotes/" + spec_.branch)));
    if (remote) return ChooseRemoteBranch(*remote);
  }
  return ChooseBase();
}

// "origin/topic" means a local branch "topic" that starts where the remote's is.
absl::Status AddWorktree::ChooseRemoteBranch(const std::string& remote_id) {
  const std::string local = spec_.branch.substr(spec_.branch.find('/') + 1);
  WM_ASSIGN_OR_RETURN(const std::optional<std::string> existing,
                      Optional(deps_.git.ResolveRef(here_.repository, BranchRef(local))));
  if (existing) {
    return WithHint(AlreadyExists("'{}' would become the local branch '{}', which exists already",
                                  spec_.branch, local),
                    Format("run workmux add {}", local));
  }
  spec_.branch = local;
  spec_.base = remote_id;
  start_ = remote_id;
  absl::StatusOr<std::string> main =
      MainBranchName(deps_.git, here_.repository, context_.config.config);
  if (main.ok()) base_ = *main;
  return absl::OkStatus();
}

absl::Status AddWorktree::ChooseBase() {
  const Config& config = context_.config.config;
  base_ = request_.base.empty() ? config.base_branch : request_.base;
  if (request_.base.empty() && base_ == "auto") {
    WM_ASSIGN_OR_RETURN(base_, MainBranchName(deps_.git, here_.repository, config));
  }
  if (base_.empty()) {
    if (here_.branch.empty()) {
      return WithHint(WithReason(FailedPrecondition("no branch is checked out in '{}'",
                                                    Printable(here_.path.string())),
                                 "DETACHED_HEAD"),
                      "name the starting point with --base");
    }
    base_ = here_.branch;
  }
  // A branch is looked up by its full name: a tag of that name is not meant.
  WM_ASSIGN_OR_RETURN(std::optional<std::string> id,
                      Optional(deps_.git.ResolveRef(here_.repository, BranchRef(base_))));
  if (!id) {
    WM_ASSIGN_OR_RETURN(id, Optional(deps_.git.ResolveCommit(here_.repository, base_)));
  }
  if (!id) {
    return WithHint(WithReason(NotFound("'{}' names no commit to start from", Printable(base_)),
                               "NO_SUCH_BASE"),
                    request_.base.empty() ? "commit something first" : "check what --base names");
  }
  start_ = *id;
  // The commit and not the name: git would set up tracking of a remote branch.
  spec_.base = start_;
  return absl::OkStatus();
}

absl::Status AddWorktree::ChoosePlace() {
  const Config& config = context_.config.config;
  const auto home = context_.caller.env.find("HOME");
  WM_ASSIGN_OR_RETURN(const fs::path dir,
                      WorktreeDirectory(here_.repository, config.worktree_dir,
                                        home == context_.caller.env.end() ? "" : home->second));
  const std::string handle =
      request_.name.empty() ? HandleFor(spec_.branch, config) : Slugify(request_.name);
  std::error_code error;
  // Links in the part that exists are resolved: a worktree's identity is its real path.
  const fs::path real = fs::weakly_canonical(dir, error);
  if (error) return ErrnoStatus(error.value(), dir.string());
  worktree_.repository = here_.repository;
  worktree_.path = real / handle;
  worktree_.branch = spec_.branch;
  worktree_.head = start_;
  spec_.path = worktree_.path;
  return absl::OkStatus();
}

absl::Status AddWorktree::CheckBranchIsFree() {
  for (const Worktree& sibling : siblings_) {
    if (sibling.branch != spec_.branch) continue;
    return OpenInstead(WithReason(AlreadyExists("the branch '{}' is checked out at '{}'",
                                                spec_.branch, Printable(sibling.path.string())),
                                  "BRANCH_CHECKED_OUT"),
                       sibling.handle());
  }
  return absl::OkStatus();
}

absl::Status AddWorktree::CheckPlaceIsFree() {
  const std::string shown = Printable(worktree_.path.string());
  for (const Worktree& sibling : siblings_) {
    if (sibling.path != worktree_.path) continue;
    absl::Status taken =
        WithReason(AlreadyExists("'{}' is the worktree of '{}'", shown, Printable(sibling.branch)),
                   "WORKTREE_EXISTS");
    if (sibling.missing) {
      return WithHint(std::move(taken), Format("run workmux remove {}", sibling.handle()));
    }
    return OpenInstead(std::move(taken), sibling.handle());
  }
  std::error_code error;
  const fs::file_status there = fs::symlink_status(worktree_.path, error);
  if (there.type() == fs::file_type::not_found) return absl::OkStatus();
  if (there.type() == fs::file_type::directory && fs::is_empty(worktree_.path, error) && !error) {
    return absl::OkStatus();
  }
  return WithHint(WithReason(AlreadyExists("'{}' exists and is no worktree", shown), "PATH_EXISTS"),
                  "move it away, or choose another name with --name");
}

absl::Status AddWorktree::CheckWindow() {
  window_.agent = request_.agent;
  window_.backend = request_.backend;
  window_.sandboxed = request_.sandbox;
  window_.no_pane_commands = request_.no_pane_commands;
  window_.background = request_.background;
  window_.has_prompt = request_.prompt.has_value();
  window_.prompt_by_name = request_.prompt && request_.prompt->size() > kMaxPromptArgument;
  if (window_.has_prompt && !context_.config.config.prompt_file_only) {
    window_.prompt_file = ".workmux/PROMPT.md";
  }
  if (context_.agents == nullptr) return absl::OkStatus();
  WM_ASSIGN_OR_RETURN(const PanePlan plan, PlanWindow(context_, worktree_, window_));
  result_.agent = plan.agent;
  result_.sandboxed = plan.sandboxed;
  if (context_.multiplexer == nullptr) return absl::OkStatus();
  return context_.multiplexer->ServerStart().status();
}

absl::Status AddWorktree::Create() {
  std::error_code error;
  fs::create_directories(worktree_.path.parent_path(), error);
  if (error) return ErrnoStatus(error.value(), worktree_.path.parent_path().string());
  context_.progress.Step("worktree", Format("Creating the worktree {}", worktree_.path.string()));
  created_ = true;
  WM_RETURN_IF_ERROR(deps_.git.AddWorktree(worktree_.repository, spec_));
  WM_ASSIGN_OR_RETURN(token_, NewWindowToken());
  const WorktreeRecord record{spec_.branch, base_, token_, UnixSeconds(deps_)};
  return deps_.records.Put(worktree_.repository.common_dir, worktree_.path, record);
}

absl::Status AddWorktree::MakePrompt() {
  if (!request_.prompt) return absl::OkStatus();
  WM_ASSIGN_OR_RETURN(fs::path file, WritePromptFile(worktree_, *request_.prompt));
  if (!context_.config.config.prompt_file_only) window_.prompt_file = std::move(file);
  const absl::Status excluded = ExcludeWorkmuxDirectory(worktree_.repository);
  if (!excluded.ok()) {
    context_.progress.Warn(Format(".workmux/ is not ignored by git: {}", MessageOf(excluded)));
  }
  return absl::OkStatus();
}

absl::Status AddWorktree::Equip() {
  WM_RETURN_IF_ERROR(Stopped());
  WM_RETURN_IF_ERROR(MakePrompt());
  if (!request_.no_file_ops) {
    const bool sandboxed = request_.sandbox || context_.config.config.sandbox.enabled;
    WM_RETURN_IF_ERROR(SetUpFiles(deps_, context_, worktree_, siblings_, sandboxed));
  }
  WM_RETURN_IF_ERROR(Stopped());
  if (!request_.no_hooks) WM_RETURN_IF_ERROR(RunPostCreate(deps_, context_, worktree_));
  WM_RETURN_IF_ERROR(Stopped());
  if (context_.multiplexer == nullptr || context_.agents == nullptr) return absl::OkStatus();
  WM_ASSIGN_OR_RETURN(PanePlan plan, PlanWindow(context_, worktree_, window_));
  // From here on a crash leaves a worktree that someone may be working in.
  WM_RETURN_IF_ERROR(deps_.journal.Note(journal_id_, "built"));
  WM_ASSIGN_OR_RETURN(result_.window,
                      MakeWindow(deps_, context_, worktree_, token_, window_, std::move(plan)));
  result_.switched = !request_.background;
  return absl::OkStatus();
}

absl::Status AddWorktree::RollBack(const absl::Status& cause) {
  if (!created_) {
    static_cast<void>(deps_.journal.End(journal_id_));
    return cause;
  }
  context_.progress.Step("rollback", "Taking back what was made");
  const absl::Status undone =
      UndoAdd(deps_, {worktree_, start_, spec_.create_branch, /*strict=*/false});
  // A journal entry that stays is tried again when the daemon starts next.
  const bool kept = ReasonOf(undone) == "WORK_INSIDE";
  if (undone.ok() || kept) static_cast<void>(deps_.journal.End(journal_id_));
  if (undone.ok()) {
    ::rmdir(worktree_.path.parent_path().c_str());
    return cause;
  }
  context_.progress.Warn(Format("the worktree '{}' is kept: {}", Printable(worktree_.path.string()),
                                MessageOf(undone)));
  return cause;
}

}  // namespace workmux::daemon
