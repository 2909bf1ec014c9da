#include "daemon/sandbox_git/branch_importer.h"

#include <array>
#include <utility>

#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/io/file.h"
#include "common/process/shell_quote.h"
#include "daemon/adapters/git/config_file.h"
#include "daemon/adapters/git/git_command.h"
#include "daemon/adapters/git/git_operation.h"
#include "daemon/adapters/git/ref_files.h"
#include "daemon/sandbox_git/file_write.h"
#include "daemon/sandbox_git/private_config.h"
#include "daemon/sandbox_git/private_refs.h"

namespace workmux::daemon {
namespace {

namespace fs = std::filesystem;

constexpr char kExportRef[] = "refs/heads/import";
constexpr std::chrono::seconds kFetchTimeout{120};
constexpr std::chrono::seconds kIndexTimeout{20};

absl::Status Refused(std::string message, std::string_view hint) {
  return WithHint(WithReason(MakeStatus(absl::StatusCode::kFailedPrecondition, std::move(message)),
                             "IMPORT_REFUSED"),
                  hint);
}

RunOptions Options(std::stop_token stop,
                   std::chrono::milliseconds timeout = std::chrono::seconds{30}) {
  RunOptions options;
  options.stop = std::move(stop);
  options.timeout = timeout;
  return options;
}

// The host's record of what the worktree has checked out, newer than the
// caller's. With reftable the file HEAD says nothing.
absl::StatusOr<std::string> CheckedOutBranch(const Worktree& worktree) {
  WM_ASSIGN_OR_RETURN(const std::string head, ReadFile(worktree.git_dir / "HEAD"));
  const std::string_view text = Trim(head);
  constexpr std::string_view kBranch = "ref: refs/heads/";
  if (!text.starts_with(kBranch)) return std::string();
  const std::string branch(text.substr(kBranch.size()));
  return branch == ".invalid" ? worktree.branch : branch;
}

absl::StatusOr<std::string> ShallowOf(const fs::path& common_dir) {
  absl::StatusOr<std::string> shallow = ReadFile(common_dir / "shallow");
  if (absl::IsNotFound(shallow.status())) return std::string();
  return shallow;
}

std::string RepositoryFormat(bool sha256, std::string_view partial_clone = {}) {
  if (!sha256 && partial_clone.empty()) {
    return "[core]\n\trepositoryformatversion = 0\n\tbare = true\n";
  }
  std::string text = "[core]\n\trepositoryformatversion = 1\n\tbare = true\n[extensions]\n";
  if (sha256) text += "\tobjectformat = sha256\n";
  if (!partial_clone.empty()) {
    text += Format("\tpartialclone = {}\n", QuoteConfigValue(partial_clone));
  }
  return text;
}

using NamedFiles = std::vector<std::pair<const char*, std::string>>;

absl::Status WriteRepository(const fs::path& root, const NamedFiles& files) {
  std::error_code error;
  for (const char* below : {"refs/heads", "objects/info"}) {
    fs::create_directories(root / below, error);
    if (error) return ErrnoStatus(error.value(), root.string());
  }
  for (const auto& [name, content] : files) {
    WM_RETURN_IF_ERROR(ReplaceFile(root / name, content));
  }
  return absl::OkStatus();
}

// A repository of one ref whose objects are all borrowed: what the guest offers.
absl::Status WriteExport(const Worktree& worktree, const PrivateGitDir& dir,
                         const std::vector<Mount>& stores, const std::string& tip) {
  std::string alternates = std::string(kPrivateGit) + "/objects\n";
  for (const Mount& store : stores) {
    if (store.target.filename() != "alternates") alternates += store.target.string() + "\n";
  }
  WM_ASSIGN_OR_RETURN(std::string shallow, ShallowOf(worktree.repository.common_dir));
  return WriteRepository(dir.meta() / "export",
                         {{"config", RepositoryFormat(tip.size() == 64)},
                          {"HEAD", Format("ref: {}\n", std::string(kExportRef))},
                          {"packed-refs", Format("{} {}\n", tip, std::string(kExportRef))},
                          {"objects/info/alternates", std::move(alternates)},
                          {"shallow", std::move(shallow)}});
}

// The host's repository with the one branch that counts: git's fetch looks at
// every ref of the repository it runs in, and there may be very many. What it
// fetches goes into the host's objects.
absl::Status WriteIntake(const Worktree& worktree, const fs::path& root,
                         const BranchImporter::Imported& wanted) {
  const fs::path& common_dir = worktree.repository.common_dir;
  WM_ASSIGN_OR_RETURN(std::string shallow, ShallowOf(common_dir));
  WM_ASSIGN_OR_RETURN(const std::string host_config, ReadFile(common_dir / "config"));
  // Extensions are not read from included files.
  std::string partial_clone;
  if (const auto parsed = ConfigFile::Parse(host_config)) {
    partial_clone = parsed->Get("extensions.partialclone").value_or("");
  }
  const std::string config =
      RepositoryFormat(wanted.new_id.size() == 64, partial_clone) +
      Format("[include]\n\tpath = {}\n", QuoteConfigValue((common_dir / "config").string()));
  std::string refs;
  const absl::StatusOr<std::string> host_id =
      RefFiles(common_dir).Resolve("refs/heads/" + wanted.branch);
  // Where only git can read the refs, what was there last serves.
  const std::string fallback = absl::IsNotFound(host_id.status()) ? "" : wanted.old_id;
  const std::string& known = host_id.ok() ? *host_id : fallback;
  if (!known.empty()) refs = Format("{} {}\n", known, std::string(kExportRef));
  return WriteRepository(root, {{"config", config},
                                {"HEAD", Format("ref: {}\n", std::string(kExportRef))},
                                {"packed-refs", std::move(refs)},
                                {"shallow", std::move(shallow)}});
}

// The tree without entries, whose id every git knows (hash-object of nothing).
std::string EmptyTree(std::size_t id_length) {
  return id_length == 64 ? "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321"
                         : "4b825dc642cb6eb9a060e54bf8d69288fbee4904";
}

}  // namespace

absl::StatusOr<BranchImporter::Imported> BranchImporter::Import(const Worktree& worktree,
                                                                const PrivateGitDir& dir,
                                                                std::stop_token stop) {
  WM_ASSIGN_OR_RETURN(const FileLock lock, dir.Lock());
  Imported import;
  WM_ASSIGN_OR_RETURN(import.branch, CheckedOutBranch(worktree));
  if (import.branch.empty()) return import;

  const absl::StatusOr<std::string> base = dir.Base(import.branch);
  if (!base.ok() && !absl::IsNotFound(base.status())) return base.status();
  if (base.ok()) import.old_id = *base;
  const absl::StatusOr<std::string> tip = ReadPrivateRef(dir.path(), "refs/heads/" + import.branch);
  if (absl::IsNotFound(tip.status())) {
    if (!base.ok()) return import;  // unborn on both sides
    return Refused(
        Format("the branch {} was deleted or renamed in the sandbox; nothing was imported",
               Printable(import.branch)),
        "make the branch again inside, with `git branch`");
  }
  if (!tip.ok()) return tip.status();
  import.new_id = *tip;
  if (import.new_id == import.old_id) return import;

  WM_RETURN_IF_ERROR(Fetch(worktree, dir, import, stop));
  WM_RETURN_IF_ERROR(RefuseNewSubmodules(worktree, import, stop));
  WM_RETURN_IF_ERROR(Publish(worktree, import, stop));
  import.changed = true;
  WM_RETURN_IF_ERROR(dir.SetBase(import.branch, import.new_id));
  import.index_followed = FollowIndex(worktree, import, stop);
  return import;
}

absl::Status BranchImporter::Fetch(const Worktree& worktree, const PrivateGitDir& dir,
                                   const Imported& wanted, std::stop_token stop) {
  WM_ASSIGN_OR_RETURN(std::vector<Mount> mounts, dir.ObjectMounts());
  WM_RETURN_IF_ERROR(WriteExport(worktree, dir, mounts, wanted.new_id));
  const fs::path intake = dir.meta() / "intake";
  WM_RETURN_IF_ERROR(WriteIntake(worktree, intake, wanted));
  mounts.push_back({dir.path(), kPrivateGit, /*writable=*/false});
  mounts.push_back({dir.meta() / "export", kExportGit, /*writable=*/false});
  // Git hands this to a shell with the path behind it; every word is ours.
  const std::string upload_pack = ShellQuoteJoin(
      jail_.Wrap(std::array<std::string, 3>{"/usr/bin/git", "upload-pack", "--strict"}, mounts));

  std::vector<std::string> arguments = {
      "-c", "protocol.file.allow=always", "-c", "fetch.fsckObjects=true", "-c",
      "fetch.writeCommitGraph=false",
      // Not empty: git would run the alternate's path as a program.
      "-c", "core.alternateRefsCommand=true", "fetch", "--quiet", "--no-tags",
      "--no-write-fetch-head", "--no-auto-maintenance", "--no-recurse-submodules", "--no-prune",
      "--upload-pack=" + upload_pack};
  // Into no ref: the branch itself takes the commit, or nothing does.
  arguments.insert(arguments.end(), {"--", kExportGit, kExportRef});
  Command command = HardenedGit(intake, "", std::move(arguments));
  command.env["GIT_OBJECT_DIRECTORY"] = (worktree.repository.common_dir / "objects").string();
  WM_ASSIGN_OR_RETURN(const CommandResult result,
                      runner_.Run(command, Options(std::move(stop), kFetchTimeout)));
  if (result.exit.ok()) return absl::OkStatus();
  return Refused(Format("{} of the sandbox does not check: {}", Printable(wanted.branch),
                        Printable(Trim(result.err))),
                 "run `git fsck` inside the sandbox");
}

// A submodule that the guest made up: its repository lies in the worktree with a
// configuration of the guest's, and the host's `git status` would run in it.
absl::Status BranchImporter::RefuseNewSubmodules(const Worktree& worktree, const Imported& import,
                                                 std::stop_token stop) {
  constexpr std::string_view kGitlink = "160000";
  const std::string from = import.old_id.empty() ? EmptyTree(import.new_id.size()) : import.old_id;
  const Command command = HardenedGit(
      worktree.git_dir, "",
      {"diff-tree", "-r", "-z", "--raw", "--no-renames", "--end-of-options", from, import.new_id});
  WM_ASSIGN_OR_RETURN(const CommandResult result,
                      runner_.Run(command, Options(std::move(stop), kFetchTimeout)));
  if (!result.exit.ok()) {
    return Refused(Format("{} in the sandbox is nothing that can be compared with a commit",
                          Printable(import.branch)),
                   "point the branch at a commit inside the sandbox");
  }
  // ":<old mode> <new mode> <old id> <new id> <status>" NUL "<path>" NUL, git-diff-tree(1).
  const std::vector<std::string> fields = Split(result.out, '\0');
  for (std::size_t i = 0; i + 1 < fields.size(); i += 2) {
    const std::vector<std::string> entry = Split(fields[i], ' ');
    if (entry.size() != 5 || !entry[0].starts_with(':')) {
      return DataLoss("git diff-tree: unexpected output");
    }
    if (entry[1] != kGitlink || entry[0].substr(1) == kGitlink) continue;
    return Refused(Format("{} adds the repository {} as a submodule", Printable(import.branch),
                          Printable(fields[i + 1])),
                   "take it out inside with `git rm --cached`, and add submodules on the host");
  }
  return absl::OkStatus();
}

absl::Status BranchImporter::SwapRef(const Worktree& worktree, const Imported& import,
                                     std::stop_token stop) {
  const std::string old_id =
      import.old_id.empty() ? std::string(import.new_id.size(), '0') : import.old_id;
  Command command =
      HardenedGit(worktree.git_dir, "", {"update-ref", "-m", "workmux: import", "--stdin"});
  command.stdin_data = Format("update refs/heads/{} {} {}\n", import.branch, import.new_id, old_id);
  return RunForOutput(runner_, command, Options(std::move(stop))).status();
}

absl::Status BranchImporter::Publish(const Worktree& worktree, Imported& import,
                                     std::stop_token stop) {
  const absl::Status swapped = SwapRef(worktree, import, stop);
  if (swapped.ok()) return swapped;

  const auto git = [&](std::vector<std::string> arguments) {
    return RunForOutput(runner_, HardenedGit(worktree.git_dir, "", std::move(arguments)),
                        Options(stop));
  };
  const absl::StatusOr<std::string> type = git({"cat-file", "-t", import.new_id});
  if (type.ok() && Trim(*type) != "commit") {
    return Refused(Format("{} in the sandbox is a {}, not a commit", Printable(import.branch),
                          Printable(Trim(*type))),
                   "point the branch at a commit inside the sandbox");
  }
  const absl::StatusOr<std::string> current =
      git({"rev-parse", "--verify", "--quiet", "--end-of-options", "refs/heads/" + import.branch});
  if (!current.ok()) return swapped;
  const std::string host_id(Trim(*current));
  if (host_id == import.old_id) return swapped;
  // Taken before by a process that did not live to record it.
  if (host_id == import.new_id) return absl::OkStatus();
  if (git({"merge-base", "--is-ancestor", host_id, import.new_id}).ok()) {
    // The guest has built on what the host's user committed.
    import.old_id = host_id;
    return SwapRef(worktree, import, stop);
  }
  return WithHint(
      WithReason(Aborted("{} has moved on the host and in the sandbox; neither was overwritten",
                         Printable(import.branch)),
                 "BRANCH_DIVERGED"),
      Format("run inside the sandbox: git rebase host/{}", Printable(import.branch)));
}

// Switches off the filters of the host's configuration: files of the guest's would
// choose among them. A file that looks changed for want of its filter is looked
// at again by the user's own git.
absl::StatusOr<std::vector<std::string>> BranchImporter::WithoutFilters(const Worktree& worktree,
                                                                        std::stop_token stop) {
  const Command command = HardenedGit(
      worktree.git_dir, "", {"config", "--name-only", "-z", "--get-regexp", R"(^filter\.)"});
  WM_ASSIGN_OR_RETURN(const CommandResult result, runner_.Run(command, Options(std::move(stop))));
  // git-config(1): 1 when nothing matches.
  if (!result.exit.ok() && result.exit.code != 1) return FailedCommand(command, result);
  std::vector<std::string> settings;
  for (const std::string& key : Split(result.out, '\0')) {
    if (key.empty()) continue;
    // git(1) -c ends the key at the first one.
    if (key.find('=') != std::string::npos) return Unimplemented("{}: no usable name", key);
    settings.insert(settings.end(), {"-c", key + (key.ends_with(".required") ? "=false" : "=")});
  }
  return settings;
}

bool BranchImporter::FollowIndex(const Worktree& worktree, const Imported& import,
                                 std::stop_token stop) {
  // Not being able to tell is no leave to touch the index either.
  const absl::StatusOr<GitOperation> operation = ReadOperation(worktree.git_dir);
  if (!operation.ok() || !operation->name.empty()) return false;
  const auto git = [&](std::vector<std::string> arguments) {
    const absl::StatusOr<CommandResult> result =
        runner_.Run(HardenedGit(worktree.git_dir, worktree.path, std::move(arguments)),
                    Options(stop, kIndexTimeout));
    return result.ok() && result->exit.ok();
  };
  // Two trees and -i: what the user staged outside stays staged where the
  // import does not touch it; the shared files are not looked at.
  const bool followed =
      (!import.old_id.empty() && git({"read-tree", "-i", "-m", import.old_id, import.new_id})) ||
      git({"read-tree", "--reset", import.new_id});
  if (!followed) return false;
  auto refresh = WithoutFilters(worktree, stop);
  if (!refresh.ok()) return true;
  // Exits 1 when files differ from the index, which is no failure.
  refresh->insert(refresh->end(), {"update-index", "-q", "--refresh"});
  git(*std::move(refresh));
  return true;
}

}  // namespace workmux::daemon
