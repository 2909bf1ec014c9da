#include "tests/support/git_world.h"

#include <iostream>

#include "tests/support/status_matchers.h"

namespace workmux::test {
namespace {

namespace fs = std::filesystem;

constexpr char kHistory[] = R"(
set -e
printf '1\n2\n3\n4\n5\n' > f; echo g > g; mkdir dir; echo h > dir/h; echo '*.o' > .gitignore
git add . && git commit -qm one
echo two >> g && git commit -qam two
git tag light && git tag -a -m annotated v1
git branch clean && git branch clash && git branch other
git checkout -q clean && echo clean > c && git add c && git commit -qm clean
git checkout -q clash && printf '1\nclash\n3\n4\n5\n' > f && git commit -qam clash
printf '1\nclash\n3\nmore\n5\n' > f && git commit -qam clash2
git checkout -q main
git branch topic
git update-ref refs/remotes/origin/main main
git symbolic-ref refs/remotes/origin/HEAD refs/remotes/origin/main
git config remote.origin.url https://user:secret@example.invalid/x.git
git config remote.origin.fetch '+refs/heads/*:refs/remotes/origin/*'
git config branch.topic.remote origin && git config branch.topic.merge refs/heads/topic
)";
constexpr char kTopic[] = R"(
git checkout -q topic
printf '1\ntopic\n3\n4\n5\n' > f && git commit -qam topic1
echo t > t && git add t && git commit -qm topic2
git checkout -q main
)";

}  // namespace

GitWorld::GitWorld(Kind kind) {
  fs::create_directories(dir_ / "home");
  WriteFile(
      dir_ / "home/.gitconfig",
      "[user]\n\tname = A User\n\temail = user@example.invalid\n[init]\n\tdefaultBranch = main\n"
      "[gc]\n\tauto = 0\n[advice]\n\tdetachedHead = false\n");
  env_ = {{"PATH", "/usr/local/bin:/usr/bin:/bin"},
          {"HOME", (dir_ / "home").string()},
          {"LC_ALL", "C.UTF-8"},
          {"GIT_EDITOR", "true"},
          {"GIT_AUTHOR_DATE", "1700000000 +0000"},
          {"GIT_COMMITTER_DATE", "1700000000 +0000"},
          {"GIT_CONFIG_NOSYSTEM", "1"}};
  common_ = main() / ".git";
  if (kind == Kind::kSeparateGitDir) {
    common_ = dir_ / "elsewhere/repo.git";
    fs::create_directories(common_.parent_path());
    Run(root(), "git init -q --separate-git-dir elsewhere/repo.git main");
    Run(main(), std::string(kHistory) + kTopic);
  } else {
    static const TempDir kept;  // the history is made once and copied
    const std::string copy = (kept / "main").string();
    if (!fs::exists(copy)) {
      Run(root(), "git init -q main");
      Run(main(), std::string(kHistory) + kTopic);
      Run(root(), "cp -a main " + copy);
    } else {
      Run(root(), "cp -a " + copy + " main && git -C main update-index -q --refresh");
    }
  }
  if (kind == Kind::kBareMain) {
    Run(root(),
        "git clone -q --mirror main bare.git && git -C bare.git config --unset "
        "remote.origin.mirror");
    common_ = dir_ / "bare.git";
    Run(root(), "git -C bare.git worktree add -q ../wt topic");
  } else if (kind == Kind::kNoLinked) {
    Run(main(), "git checkout -q topic");
  } else {
    Run(main(), "git worktree add -q ../wt topic");
  }
}

CommandResult GitWorld::Run(const fs::path& cwd, const std::string& script, bool must) {
  Command command;
  command.argv = {"/bin/sh", "-c", script};
  command.cwd = cwd;
  command.env = env_;
  CommandResult result = Must(runner_.Run(command, {}));
  if (must) {
    INFO(script << "\n" << result.out << result.err);
    REQUIRE(result.exit.ok());
  }
  return result;
}

std::string GitWorld::Out(const fs::path& cwd, const std::string& script) {
  std::string out = Run(cwd, script).out;
  while (!out.empty() && out.back() == '\n') out.pop_back();
  return out;
}

CommandResult GitWorld::RunInside(const daemon::Worktree& worktree,
                                  std::span<const daemon::Mount> mounts, const std::string& script,
                                  const Env& extra) {
  Command command;
  command.argv = {"/usr/bin/bwrap", "--unshare-all", "--die-with-parent", "--proc", "/proc",
                  "--dev",          "/dev",          "--tmpfs",           "/tmp"};
  for (const char* dir : {"/usr", "/bin", "/lib", "/lib64"}) {
    command.argv.insert(command.argv.end(), {"--ro-bind-try", dir, dir});
  }
  command.argv.insert(command.argv.end(),
                      {"--dir", "/home/agent", "--bind", worktree.path, worktree.path});
  for (const daemon::Mount& mount : mounts) {
    command.argv.insert(command.argv.end(),
                        {mount.writable ? "--bind" : "--ro-bind", mount.source, mount.target});
  }
  command.argv.insert(command.argv.end(),
                      {"--chdir", worktree.path, "--", "/bin/sh", "-c", script});
  command.env = env_;
  command.env["HOME"] = "/home/agent";
  for (const auto& [name, value] : extra) command.env[name] = value;
  return Must(runner_.Run(command, {}));
}

daemon::Worktree GitWorld::Linked(const std::string& name, const std::string& branch) {
  daemon::Worktree worktree;
  worktree.repository.common_dir = common_;
  if (common_.filename() != "bare.git") worktree.repository.main_worktree = main();
  worktree.path = dir_ / name;
  worktree.git_dir = common_ / "worktrees" / name;
  worktree.branch = branch;
  return worktree;
}

daemon::Worktree GitWorld::Main() {
  daemon::Worktree worktree;
  worktree.repository = {common_, main()};
  worktree.path = main();
  worktree.git_dir = common_;
  worktree.branch = Out(main(), "git symbolic-ref --short -q HEAD || true");
  worktree.is_main = true;
  return worktree;
}

std::map<std::string, std::string> GitWorld::HostFiles() {
  std::map<std::string, std::string> files;
  for (auto at = fs::recursive_directory_iterator(common_);
       at != fs::recursive_directory_iterator(); ++at) {
    const std::string name = at->path().lexically_relative(common_).string();
    if (name == "objects" || name == "logs" || name == "worktrees/wt/index" ||
        name == "worktrees/wt/logs") {
      at.disable_recursion_pending();
      continue;
    }
    if (at->is_symlink()) {
      files[name] = "-> " + fs::read_symlink(at->path()).string();
    } else if (at->is_regular_file()) {
      files[name] = ReadWholeFile(at->path());
    }
  }
  return files;
}

std::string FilesThatDiffer(const std::map<std::string, std::string>& a,
                            const std::map<std::string, std::string>& b) {
  std::string names;
  for (const auto& [name, content] : a) {
    const auto found = b.find(name);
    if (found == b.end() || found->second != content) names += name + "\n";
  }
  for (const auto& [name, content] : b) {
    if (!a.contains(name)) names += name + "\n";
  }
  return names;
}

bool CanSandbox() {
  PosixCommandRunner runner;
  for (const std::vector<std::string>& argv :
       {std::vector<std::string>{"/usr/bin/git", "--version"},
        {"/usr/bin/bwrap", "--unshare-all", "--ro-bind", "/", "/", "/bin/true"}}) {
    Command command;
    command.argv = argv;
    command.env = {{"PATH", "/usr/bin:/bin"}};
    const absl::StatusOr<CommandResult> result = runner.Run(command, {});
    if (result.ok() && result->exit.ok()) continue;
    std::cout << "SKIPPED: " << argv[0] << " cannot be used here" << std::endl;
    return false;
  }
  return true;
}

}  // namespace workmux::test
