#include <set>

#include "tests/support/build_tree.h"
#include "tests/support/catch.h"
#include "tests/support/sandbox_world.h"

namespace workmux::test {
namespace {

namespace fs = std::filesystem;
using Files = std::map<std::string, std::string>;

const SandboxKind kNamespace = {"namespace", "clone"};
const SandboxKind kDocker = {"docker", "clone"};
const SandboxKind kPodman = {"podman", "clone"};

// What a person and their shell prompt do every day, by path.
constexpr char kUserDay[] = R"sh(
exec 2>&1
day() {
  git status; git diff; git log -p -3; git worktree list
  git branch day; git branch -D day; git stash list
  touch f; git diff --stat
  echo day > day; git add day; git commit -qm day
  git checkout -q --detach; git checkout -q -f HEAD~1; git checkout -q -f -
  git merge -q --no-edit clash; git merge --abort
  git worktree add -q --detach ../day; git worktree remove -f ../day
  git fetch -q origin; git st
}
for checkout in main wt main/.worktrees/in; do
  test -d $checkout && (cd $checkout && day)
done
exit 0
)sh";

// Another branch as a review of it shows it, and all refs but the sandbox's own.
constexpr char kReview[] =
    "git show main:g; git log --format='%H %s %N' main; git show other:g; "
    "git for-each-ref | grep -v refs/heads/topic; git fsck --no-progress --no-dangling 2>&1";

struct Outcome {
  CommandResult inside;
  std::set<std::string> markers;  // payloads that ran on the host
  Files before;
  Files after;
};

Files HostState(GitWorld& world) {
  Files files = world.HostFiles();
  // The branch is what a sandbox may move, and the host's index follows it.
  for (const char* own : {"refs/heads/topic", "worktrees/wt/HEAD", "index"}) files.erase(own);
  files["review"] = world.Run(world.common(), kReview, /*must=*/false).out;
  for (const char* checkout : {"main", "wt", "main/.worktrees/in"}) {
    const fs::path pointer = world.root() / checkout / ".git";
    std::error_code error;
    if (fs::is_regular_file(pointer, error)) files[pointer.string()] = ReadWholeFile(pointer);
  }
  return files;
}

Outcome Attack(const SandboxKind& kind, GitWorld& world, const fs::path& checkout,
               const std::string& script) {
  SandboxWorld sandboxes;
  Outcome outcome;
  outcome.before = HostState(world);
  outcome.inside = sandboxes.Inside(kind, world, checkout,
                                    ReadWholeFile(SourceDir() / "tests/attacks/git" / script),
                                    {{"WM_MARKER", (world.root() / "marker").string()}});
  outcome.after = HostState(world);
  world.Run(world.root(), kUserDay, /*must=*/false);
  for (const auto& entry : fs::directory_iterator(world.root())) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with("marker")) outcome.markers.insert(name);
  }
  UNSCOPED_INFO(kind.engine << ", git: " << kind.git << "\n"
                            << outcome.inside.out << outcome.inside.err);
  REQUIRE(outcome.inside.exit.ok());
  return outcome;
}

Outcome AttackWorktree(const SandboxKind& kind, const std::string& script) {
  GitWorld world;
  return Attack(kind, world, world.wt(), script);
}

SandboxKind Shared(SandboxKind kind) {
  kind.git = "shared";
  return kind;
}

void CheckHarmless(const Outcome& outcome) {
  for (const std::string& marker : outcome.markers) UNSCOPED_INFO(marker);
  CHECK(outcome.markers.empty());
  CHECK(FilesThatDiffer(outcome.before, outcome.after) == "");
}

}  // namespace

// Control: the same in a sandbox with `git: shared`.
TEST_CASE("Attack F1: planted hooks do not run on the host",
          "[attack][F1][namespace][docker][podman]") {
  for (const SandboxKind& kind : {kNamespace, kDocker, kPodman}) {
    if (!CanUse(kind.engine)) continue;
    CheckHarmless(AttackWorktree(kind, "f1.sh"));
    CHECK(AttackWorktree(Shared(kind), "f1.sh").markers.size() > 3);
  }
}

// Control: the same in a sandbox with `git: shared`.
TEST_CASE("Attack F2: configured programs do not run on the host",
          "[attack][F2][namespace][docker][podman]") {
  for (const SandboxKind& kind : {kNamespace, kDocker, kPodman}) {
    if (!CanUse(kind.engine)) continue;
    CheckHarmless(AttackWorktree(kind, "f2.sh"));
    CHECK(AttackWorktree(Shared(kind), "f2.sh").markers.size() > 2);
  }
}

// Control: the same in a sandbox with `git: shared`.
TEST_CASE("Attack F3: drivers do not run on the host", "[attack][F3][namespace][docker][podman]") {
  for (const SandboxKind& kind : {kNamespace, kDocker, kPodman}) {
    if (!CanUse(kind.engine)) continue;
    CheckHarmless(AttackWorktree(kind, "f3.sh"));
    CHECK(AttackWorktree(Shared(kind), "f3.sh").markers.size() > 2);
  }
}

// Control: the same in a sandbox with `git: shared`.
TEST_CASE("Attack F4: further configuration is not read on the host",
          "[attack][F4][namespace][docker][podman]") {
  for (const SandboxKind& kind : {kNamespace, kDocker, kPodman}) {
    if (!CanUse(kind.engine)) continue;
    CheckHarmless(AttackWorktree(kind, "f4.sh"));
    CHECK_FALSE(AttackWorktree(Shared(kind), "f4.sh").markers.empty());
  }
}

// Control: the same in a sandbox with `git: shared`.
TEST_CASE("Attack F5: the worktree's pointers stay the host's",
          "[attack][F5][namespace][docker][podman]") {
  for (const SandboxKind& kind : {kNamespace, kDocker, kPodman}) {
    if (!CanUse(kind.engine)) continue;
    const Outcome outcome = AttackWorktree(kind, "f5.sh");
    CheckHarmless(outcome);
    CHECK(outcome.inside.err.find("Read-only file system") != std::string::npos);
    CHECK(outcome.inside.err.find("Device or resource busy") != std::string::npos);
    CHECK_FALSE(AttackWorktree(Shared(kind), "f5.sh").markers.empty());
  }
}

// Control: the same on a pointer that leads to another repository.
TEST_CASE("Attack F5: the main checkout's pointer stays the host's",
          "[attack][F5][namespace][docker][podman]") {
  for (const SandboxKind& kind : {kNamespace, kDocker, kPodman}) {
    if (!CanUse(kind.engine)) continue;
    GitWorld world(GitWorld::Kind::kSeparateGitDir);
    // Only with this key is it known, and mounted, where the main checkout is.
    world.Run(
        world.main(),
        "git config core.worktree \"$PWD\"; git init -q --separate-git-dir ../plain.git plain");
    const Outcome outcome = Attack(kind, world, world.wt(), "f5_main.sh");
    CheckHarmless(outcome);
    CHECK(ReadWholeFile(world.main() / "plain/.git").find("/evil") != std::string::npos);
  }
}

// Control: the same in a sandbox with `git: shared`.
TEST_CASE("Attack F6: renaming directories does not walk around a mount",
          "[attack][F6][namespace][docker][podman]") {
  for (const SandboxKind& kind : {kNamespace, kDocker, kPodman}) {
    if (!CanUse(kind.engine)) continue;
    const auto attack = [](const SandboxKind& with) {
      GitWorld world(GitWorld::Kind::kNoLinked);
      return Attack(with, world, world.main(), "f6.sh");
    };
    CheckHarmless(attack(kind));
    CHECK_FALSE(attack(Shared(kind)).markers.empty());
  }
}

// Control: the same on a directory that no mount pins.
TEST_CASE("Attack F6: a worktree inside the main checkout keeps its place and its pointer",
          "[attack][F6][namespace][docker][podman]") {
  for (const SandboxKind& kind : {kNamespace, kDocker, kPodman}) {
    if (!CanUse(kind.engine)) continue;
    for (const char* from : {"main/.worktrees/in", "wt", "main"}) {
      GitWorld world;
      world.Run(world.main(), "git worktree add -q .worktrees/in -b in");
      world.Run(world.main(), "mkdir plain && git init -q plain/repo");
      const Outcome outcome = Attack(kind, world, world.root() / from, "f6_nested.sh");
      CheckHarmless(outcome);
      CHECK(fs::exists(world.main() / "plain.moved"));
    }
  }
}

// Control: the same in a sandbox with `git: shared`.
TEST_CASE("Attack F7: objects of other branches cannot be overwritten",
          "[attack][F7][namespace][docker][podman]") {
  for (const SandboxKind& kind : {kNamespace, kDocker, kPodman}) {
    if (!CanUse(kind.engine)) continue;
    CheckHarmless(AttackWorktree(kind, "f7.sh"));
    const Outcome control = AttackWorktree(Shared(kind), "f7.sh");
    CHECK(control.after.at("review") != control.before.at("review"));
  }
}

// Control: the same in a sandbox with `git: shared`.
TEST_CASE("Attack F8: replaced objects do not change what the host shows",
          "[attack][F8][namespace][docker][podman]") {
  for (const SandboxKind& kind : {kNamespace, kDocker, kPodman}) {
    if (!CanUse(kind.engine)) continue;
    CheckHarmless(AttackWorktree(kind, "f8.sh"));
    const Outcome control = AttackWorktree(Shared(kind), "f8.sh");
    CHECK(control.after.at("review") != control.before.at("review"));
  }
}

// Control: the same in a sandbox with `git: shared`.
TEST_CASE("Attack F9: other refs cannot be moved or deleted",
          "[attack][F9][namespace][docker][podman]") {
  for (const SandboxKind& kind : {kNamespace, kDocker, kPodman}) {
    if (!CanUse(kind.engine)) continue;
    CheckHarmless(AttackWorktree(kind, "f9.sh"));
    const Outcome control = AttackWorktree(Shared(kind), "f9.sh");
    CHECK(control.after.at("review") != control.before.at("review"));
  }
}

// Control: the same call while the pointer is the worktree's own.
TEST_CASE("Attack F5: nothing is done in a worktree whose pointer was forged",
          "[attack][F5][namespace]") {
  if (!CanUse("namespace")) return;
  GitWorld world;
  SandboxWorld sandboxes;
  const fs::path pointer = world.wt() / ".git";
  const std::string own = ReadWholeFile(pointer);
  REQUIRE(sandboxes.Inside(kNamespace, world, world.wt(), "git status").exit.ok());
  world.Run(world.root(),
            "cp -r main/.git wt/store && git --git-dir=wt/store config core.fsmonitor 'touch " +
                (world.root() / "marker").string() + " #'");
  for (const std::string& forged :
       {(world.wt() / "store").string(), (world.wt() / "store/worktrees/wt").string(),
        world.common().string()}) {
    WriteFile(pointer, "gitdir: " + forged + "\n");
    const WorkmuxWorld::Where there = {.cwd = world.wt(), .env = {}, .input = {}};
    for (const std::vector<std::string>& arguments :
         {std::vector<std::string>{"sandbox", "run", ".", "--", "true"},
          {"list"},
          {"merge"},
          {"remove", "-f"}}) {
      INFO(forged << " " << arguments[0]);
      const CommandResult refused = sandboxes.workmux().Run(arguments, there);
      CHECK_FALSE(refused.exit.ok());
      CHECK(refused.err.find(".git file cannot be trusted") != std::string::npos);
    }
  }
  CHECK_FALSE(fs::exists(world.root() / "marker"));
  WriteFile(pointer, own);
  CHECK(sandboxes.Inside(kNamespace, world, world.wt(), "git status").exit.ok());
}

}  // namespace workmux::test
