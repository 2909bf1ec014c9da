#include "daemon/adapters/git/git_cli.h"

#include <algorithm>
#include <thread>

#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/io/file.h"
#include "daemon/adapters/git/config_file.h"
#include "daemon/adapters/git/git_command.h"
#include "daemon/adapters/git/porcelain.h"
#include "daemon/adapters/git/ref_files.h"
#include "daemon/adapters/git/ref_name.h"
#include "daemon/adapters/git/repository_lock.h"
#include "daemon/adapters/git/worktree_files.h"

namespace workmux::daemon {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kHeads = "refs/heads/";
constexpr std::size_t kMaxConfig = 16u << 20;

bool OnlyGitKnows(const absl::Status& status) {
  return status.code() == absl::StatusCode::kUnimplemented;
}

absl::Status NoSuch(std::string_view what, std::string_view name, std::string_view reason) {
  return WithReason(NotFound("no {} '{}'", what, Printable(name)), reason);
}

// git knows fewer repository formats than the repository asks for (setup.c,
// check_repository_format_gently): reftable before git 2.45, for one.
absl::Status Unreadable(const Repository& repository, absl::Status failure, std::string_view said) {
  if (said.find("unknown repository extension") == std::string_view::npos &&
      said.find("Expected git repo version") == std::string_view::npos) {
    return failure;
  }
  return WithHint(
      WithReason(FailedPrecondition("{}: the installed git is too old for this repository: {}",
                                    Printable(repository.common_dir.string()), LastLines(said, 2)),
                 "REPOSITORY_FORMAT_UNKNOWN"),
      "install the git that the repository was made with");
}

// "section.key" or "section.subsection.key", as git-config(1) writes it.
absl::Status CheckConfigKey(std::string_view key) {
  const bool usable =
      !key.starts_with('-') && key.find('.') != std::string_view::npos &&
      std::none_of(key.begin(), key.end(), [](char c) { return c == '\n' || c == '\0'; });
  if (usable) return absl::OkStatus();
  return WithReason(InvalidArgument("'{}' is no configuration key", Printable(key)),
                    "INVALID_CONFIG_KEY");
}

}  // namespace

absl::StatusOr<CommandResult> GitCli::RunBare(const Repository& repository,
                                              std::vector<std::string> arguments) {
  return runner_.Run(HardenedGit(repository.common_dir, {}, std::move(arguments)), {});
}

absl::StatusOr<Worktree> GitCli::Locate(const fs::path& dir) {
  WM_ASSIGN_OR_RETURN(FoundWorktree found, LocateWorktree(dir));
  if (!found.needs_git) return std::move(found.worktree);
  const Repository repository = found.worktree.repository;
  std::vector<Worktree> one = {std::move(found.worktree)};
  WM_RETURN_IF_ERROR(AskGit(repository, one));
  return std::move(one.front());
}

absl::StatusOr<std::vector<Worktree>> GitCli::ListWorktrees(const Repository& repository) {
  WM_ASSIGN_OR_RETURN(std::vector<FoundWorktree> found, ReadWorktrees(repository));
  std::vector<Worktree> worktrees;
  bool ask = false;
  for (FoundWorktree& each : found) {
    ask |= each.needs_git;
    worktrees.push_back(std::move(each.worktree));
  }
  if (ask) WM_RETURN_IF_ERROR(AskGit(repository, worktrees));
  return worktrees;
}

absl::Status GitCli::AskGit(const Repository& repository, std::vector<Worktree>& worktrees) {
  const Command command =
      HardenedGit(repository.common_dir, {}, {"worktree", "list", "--porcelain", "-z"});
  WM_ASSIGN_OR_RETURN(const CommandResult result, runner_.Run(command, {}));
  if (!result.exit.ok()) return Unreadable(repository, FailedCommand(command, result), result.err);
  WM_ASSIGN_OR_RETURN(const std::vector<ListedWorktree> listed, ParseWorktreeList(result.out));
  for (Worktree& worktree : worktrees) {
    const auto same = std::find_if(listed.begin(), listed.end(), [&](const ListedWorktree& entry) {
      std::error_code error;
      return fs::weakly_canonical(entry.path, error) == worktree.path;
    });
    if (same == listed.end()) continue;
    worktree.head = same->head;
    worktree.branch =
        same->branch.starts_with(kHeads) ? same->branch.substr(kHeads.size()) : std::string();
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> GitCli::ResolveRef(const Repository& repository, std::string_view ref) {
  if (!IsRefName(ref)) return NoSuch("reference", ref, "NO_SUCH_REF");
  auto id = RefFiles(repository.common_dir).Resolve(ref);
  if (id.ok() || !OnlyGitKnows(id.status())) return id;
  WM_ASSIGN_OR_RETURN(
      const CommandResult result,
      RunBare(repository, {"show-ref", "--verify", "--hash", "--", std::string(ref)}));
  const std::string text(Trim(result.out));
  if (result.exit.ok() && IsObjectId(text)) return text;
  // show-ref has one exit code for absent and for unreadable; an existing
  // repository whose HEAD git can name is readable.
  WM_ASSIGN_OR_RETURN(const CommandResult check,
                      RunBare(repository, {"for-each-ref", "--count=1"}));
  if (!check.exit.ok()) return GitFailed("for-each-ref", check);
  return NoSuch("reference", ref, "NO_SUCH_REF");
}

absl::StatusOr<std::map<std::string, std::string>> GitCli::ListRefs(const Repository& repository,
                                                                    std::string_view prefix) {
  if (!prefix.starts_with("refs/") || !prefix.ends_with('/')) {
    return InvalidArgument("'{}' is no prefix of references", Printable(prefix));
  }
  const Command command =
      HardenedGit(repository.common_dir, {},
                  {"for-each-ref", "--format=%(objectname) %(refname)", "--", std::string(prefix)});
  WM_ASSIGN_OR_RETURN(const std::string output, RunForOutput(runner_, command, {}));
  std::map<std::string, std::string> refs;
  for (const std::string& line : SplitLines(output)) {
    const auto space = line.find(' ');
    if (space == std::string::npos || !IsObjectId(line.substr(0, space))) {
      return WithReason(DataLoss("git for-each-ref wrote something unexpected"),
                        "UNEXPECTED_GIT_OUTPUT");
    }
    refs.emplace(line.substr(space + 1), line.substr(0, space));
  }
  return refs;
}

absl::StatusOr<std::string> GitCli::ResolveCommit(const Repository& repository,
                                                  std::string_view text) {
  WM_RETURN_IF_ERROR(CheckRevision(text));
  WM_ASSIGN_OR_RETURN(const CommandResult result,
                      RunBare(repository, {"rev-parse", "--verify", "--quiet", "--end-of-options",
                                           std::string(text) + "^{commit}"}));
  const std::string id(Trim(result.out));
  if (result.exit.ok() && IsObjectId(id)) return id;
  // --quiet: 1 without a word when the name means nothing; 128 when it names no commit.
  if (result.exit.signal == 0 && (result.exit.code == 1 || result.exit.code == 128)) {
    WM_ASSIGN_OR_RETURN(const CommandResult check, RunBare(repository, {"rev-parse", "--git-dir"}));
    if (check.exit.ok()) return NoSuch("commit", text.substr(0, 200), "NO_SUCH_COMMIT");
    return GitFailed("rev-parse", check);
  }
  return GitFailed("rev-parse", result);
}

absl::StatusOr<bool> GitCli::BranchExists(const Repository& repository, std::string_view branch) {
  if (!CheckBranch(branch).ok()) return false;
  auto id = ResolveRef(repository, std::string(kHeads) + std::string(branch));
  if (id.ok()) return true;
  if (id.status().code() == absl::StatusCode::kNotFound) return false;
  return id.status();
}

absl::Status GitCli::CheckBranchName(std::string_view branch) { return CheckBranch(branch); }

absl::Status GitCli::UpdateRef(const Repository& repository, std::string_view ref,
                               std::string_view new_id, std::string_view old_id) {
  const bool usable = IsRefName(ref) && (new_id.empty() || IsObjectId(new_id)) &&
                      (old_id.empty() || IsObjectId(old_id)) && !(new_id.empty() && old_id.empty());
  if (!usable) {
    return WithReason(InvalidArgument("cannot update '{}': not a reference or no object id",
                                      Printable(ref.substr(0, 200))),
                      "INVALID_REF_UPDATE");
  }
  std::vector<std::string> arguments = {"update-ref", "--no-deref", "-m", "workmux"};
  if (new_id.empty()) {
    arguments.insert(arguments.end(), {"-d", "--", std::string(ref), std::string(old_id)});
  } else {
    const std::string absent(new_id.size(), '0');
    arguments.insert(arguments.end(), {"--", std::string(ref), std::string(new_id),
                                       old_id.empty() ? absent : std::string(old_id)});
  }
  WM_ASSIGN_OR_RETURN(const CommandResult result, RunBare(repository, arguments));
  if (result.exit.ok()) return absl::OkStatus();
  // git-update-ref(1) has no exit code for a lost compare-and-swap.
  const auto now = ResolveRef(repository, ref);
  const bool absent_now = now.status().code() == absl::StatusCode::kNotFound;
  if ((now.ok() && *now != old_id) || (absent_now && !old_id.empty())) {
    return WithReason(Aborted("'{}' was changed by someone else", Printable(ref)), "REF_CHANGED");
  }
  return GitFailed("update-ref", result);
}

absl::StatusOr<std::string> GitCli::MainBranch(const Repository& repository) {
  constexpr std::string_view kOrigin = "refs/remotes/origin/";
  auto head = RefFiles(repository.common_dir).Read("refs/remotes/origin/HEAD");
  if (head.ok() && head->target.starts_with(kOrigin)) return head->target.substr(kOrigin.size());
  if (!head.ok() && OnlyGitKnows(head.status())) {
    WM_ASSIGN_OR_RETURN(
        const CommandResult result,
        RunBare(repository, {"symbolic-ref", "--quiet", "refs/remotes/origin/HEAD"}));
    const std::string target(Trim(result.out));
    if (result.exit.ok() && target.starts_with(kOrigin)) return target.substr(kOrigin.size());
  }
  for (const char* name : {"main", "master"}) {
    WM_ASSIGN_OR_RETURN(const bool exists, BranchExists(repository, name));
    if (exists) return std::string(name);
  }
  return WithHint(
      WithReason(NotFound("the repository has no branch main or master"), "NO_MAIN_BRANCH"),
      "Set `main_branch` in the configuration, or run `git remote set-head origin --auto`.");
}

absl::StatusOr<std::vector<Commit>> GitCli::CommitsNotIn(const Repository& repository,
                                                         std::string_view tip,
                                                         std::string_view base, std::size_t limit) {
  WM_RETURN_IF_ERROR(CheckRevision(tip));
  WM_RETURN_IF_ERROR(CheckRevision(base));
  if (limit == 0) return std::vector<Commit>();
  // The suffix keeps a name such as "x^@" from standing for several commits.
  const std::vector<std::string> arguments = {"log",
                                              "--no-decorate",
                                              "--no-show-signature",
                                              "--no-ext-diff",
                                              "--no-textconv",
                                              "--no-mailmap",
                                              "--encoding=UTF-8",
                                              "-z",
                                              "--format=%H%x00%s",
                                              Format("--max-count={}", limit),
                                              "--end-of-options",
                                              std::string(tip) + "^{commit}",
                                              "^" + std::string(base) + "^{commit}",
                                              "--"};
  WM_ASSIGN_OR_RETURN(const CommandResult result, RunBare(repository, arguments));
  if (result.exit.ok()) return ParseLog(result.out);
  for (const std::string_view name : {tip, base}) {
    WM_RETURN_IF_ERROR(ResolveCommit(repository, name).status());
  }
  return GitFailed("log", result);
}

absl::StatusOr<std::set<std::string>> GitCli::NotReachable(const Repository& repository,
                                                           const std::vector<std::string>& tips,
                                                           const std::vector<std::string>& bases) {
  std::set<std::string> wanted(tips.begin(), tips.end());
  std::string input;
  for (const std::string& tip : wanted) input += tip + "\n";
  for (const std::string& base : bases) input += "^" + base + "\n";
  for (const std::vector<std::string>* ids : {&tips, &bases}) {
    if (!std::all_of(ids->begin(), ids->end(), IsObjectId)) {
      return WithReason(InvalidArgument("not an object id"), "INVALID_OBJECT_ID");
    }
  }
  if (wanted.empty()) return wanted;
  // A tip is listed among what only the tips reach, or is reached by a base.
  Command command = HardenedGit(repository.common_dir, {}, {"rev-list", "--stdin"});
  command.stdin_data = std::move(input);
  WM_ASSIGN_OR_RETURN(const std::string output, RunForOutput(runner_, command, {}));
  std::set<std::string> missing;
  for (std::string& id : SplitLines(output)) {
    if (wanted.contains(id)) missing.insert(std::move(id));
  }
  return missing;
}

absl::StatusOr<std::string> GitCli::GetConfig(const Repository& repository, std::string_view key) {
  WM_RETURN_IF_ERROR(CheckConfigKey(key));
  auto content = ReadFile(repository.common_dir / "config", kMaxConfig);
  if (!content.ok() && content.status().code() != absl::StatusCode::kNotFound)
    return content.status();
  const auto config = ConfigFile::Parse(content.ok() ? *content : std::string());
  if (!config) {
    return WithReason(FailedPrecondition("{}: git could not read this configuration",
                                         Printable((repository.common_dir / "config").string())),
                      "BAD_GIT_CONFIG");
  }
  if (auto value = config->Get(key)) return *std::move(value);
  return WithReason(NotFound("'{}' is not set", Printable(key)), "CONFIG_KEY_NOT_SET");
}

absl::Status GitCli::WriteConfig(const Repository& repository,
                                 const std::vector<std::string>& arguments) {
  WM_ASSIGN_OR_RETURN(const FileLock lock, LockRepository(repository.common_dir));
  // The user's own git does not take that lock but does hold config.lock for a moment.
  constexpr int kAttempts = 20;
  constexpr std::chrono::milliseconds kPause{25};
  for (int attempt = 1;; ++attempt) {
    WM_ASSIGN_OR_RETURN(const CommandResult result, RunBare(repository, arguments));
    if (result.exit.ok()) return absl::OkStatus();
    std::error_code error;
    const bool busy = fs::exists(repository.common_dir / "config.lock", error);
    if (!busy && attempt > 1) return GitFailed("config", result);
    if (attempt == kAttempts) {
      return WithHint(WithReason(Unavailable("{}: another git holds the configuration's lock",
                                             repository.common_dir.string()),
                                 "CONFIG_LOCKED"),
                      Format("Remove '{}' if no git is running.",
                             (repository.common_dir / "config.lock").string()));
    }
    std::this_thread::sleep_for(kPause);
  }
}

absl::Status GitCli::SetConfig(const Repository& repository, std::string_view key,
                               std::string_view value) {
  WM_RETURN_IF_ERROR(CheckConfigKey(key));
  if (value.find('\0') != std::string_view::npos) return InvalidArgument("a value cannot hold NUL");
  return WriteConfig(repository, {"config", "--local", "--replace-all", "--end-of-options",
                                  std::string(key), std::string(value)});
}

absl::Status GitCli::RemoveConfigSection(const Repository& repository, std::string_view section) {
  WM_RETURN_IF_ERROR(CheckConfigKey(std::string(section) + ".key"));
  auto content = ReadFile(repository.common_dir / "config", kMaxConfig);
  if (content.status().code() == absl::StatusCode::kNotFound) return absl::OkStatus();
  if (!content.ok()) return content.status();
  const auto config = ConfigFile::Parse(*content);
  if (config && !config->HasSection(section)) return absl::OkStatus();
  return WriteConfig(repository, {"config", "--local", "--remove-section", "--end-of-options",
                                  std::string(section)});
}

}  // namespace workmux::daemon
