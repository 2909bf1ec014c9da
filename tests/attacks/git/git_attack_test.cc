#include <set>

#include "tests/integration/sandbox_git/boundary.h"

namespace workmux::test {
namespace {

namespace fs = std::filesystem;
using Files = std::map<std::string, std::string>;

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
  git fetch -q origin; git st
}
(cd main && day)
test -d wt && (cd wt && day)
exit 0
)sh";

struct Outcome {
  std::set<std::string> markers;  // payloads that ran on the host
  Files host_before;
  Files host_after;
  std::string shown_before;  // what review of another branch shows
  std::string shown_after;
  absl::Status imported;
};

std::vector<daemon::Mount> Shared(const GitWorld& world) {
  return {{world.common(), world.common(), /*writable=*/true}};
}

Outcome Attack(GitWorld& world, const daemon::Worktree& worktree,
               const std::vector<daemon::Mount>& mounts, const std::string& script,
               Boundary* boundary) {
  const std::string show =
      "git show main:g; git log --format='%H %s %N' main; git show other:g; git for-each-ref";
  Outcome outcome;
  outcome.host_before = world.HostFiles();
  outcome.shown_before = world.Run(world.main(), show, /*must=*/false).out;
  const CommandResult run =
      world.RunInside(worktree, mounts, ReadWholeFile(fs::path(WM_ATTACKS) / script),
                      {{"WM_MARKER", (world.root() / "marker").string()}});
  INFO(run.out << run.err);
  REQUIRE(run.exit.ok());
  if (boundary != nullptr) outcome.imported = boundary->Import().status();
  outcome.host_after = world.HostFiles();
  outcome.shown_after = world.Run(world.main(), show, /*must=*/false).out;
  world.Run(world.root(), kUserDay, /*must=*/false);
  for (const auto& entry : fs::directory_iterator(world.root())) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with("marker")) outcome.markers.insert(name);
  }
  return outcome;
}

Outcome AttackPrivate(const std::string& script) {
  GitWorld world;
  Boundary boundary(world);
  return Attack(world, boundary.worktree, Must(boundary.dir.Mounts()), script, &boundary);
}

Outcome AttackShared(const std::string& script) {
  GitWorld world;
  return Attack(world, world.Linked(), Shared(world), script, nullptr);
}

void CheckHarmless(const Outcome& outcome) {
  for (const std::string& marker : outcome.markers) UNSCOPED_INFO(marker);
  CHECK(outcome.markers.empty());
  CHECK(outcome.host_after == outcome.host_before);
  CHECK(outcome.shown_after == outcome.shown_before);
}

TEST_CASE("git attack F1: planted hooks do not run on the host", "[attack]") {
  if (!CanSandbox()) return;
  CheckHarmless(AttackPrivate("f1.sh"));
  CHECK(AttackShared("f1.sh").markers.size() > 3);
}

TEST_CASE("git attack F2: configured programs do not run on the host", "[attack]") {
  if (!CanSandbox()) return;
  CheckHarmless(AttackPrivate("f2.sh"));
  CHECK(AttackShared("f2.sh").markers.size() > 2);
}

TEST_CASE("git attack F3: drivers do not run on the host", "[attack]") {
  if (!CanSandbox()) return;
  CheckHarmless(AttackPrivate("f3.sh"));
  CHECK(AttackShared("f3.sh").markers.size() > 2);
}

TEST_CASE("git attack F4: further configuration is not read on the host", "[attack]") {
  if (!CanSandbox()) return;
  CheckHarmless(AttackPrivate("f4.sh"));
  CHECK_FALSE(AttackShared("f4.sh").markers.empty());
}

TEST_CASE("git attack F5: the worktree's pointers stay the host's", "[attack]") {
  if (!CanSandbox()) return;
  CheckHarmless(AttackPrivate("f5.sh"));
  CHECK_FALSE(AttackShared("f5.sh").markers.empty());
}

TEST_CASE("git attack F6: renaming directories does not walk around a mount", "[attack]") {
  if (!CanSandbox()) return;
  {
    GitWorld world(GitWorld::Kind::kNoLinked);
    Boundary boundary(world, world.Main());
    CheckHarmless(
        Attack(world, boundary.worktree, Must(boundary.dir.Mounts()), "f6.sh", &boundary));
  }
  // The control protects the files one by one.
  GitWorld world(GitWorld::Kind::kNoLinked);
  std::vector<daemon::Mount> files;
  for (const char* name : {"config", "hooks"}) {
    files.push_back({world.common() / name, world.common() / name, /*writable=*/false});
  }
  CHECK_FALSE(Attack(world, world.Main(), files, "f6.sh", nullptr).markers.empty());
}

TEST_CASE("git attack F7: objects of other branches cannot be overwritten", "[attack]") {
  if (!CanSandbox()) return;
  CheckHarmless(AttackPrivate("f7.sh"));
  const Outcome control = AttackShared("f7.sh");
  CHECK(control.shown_after != control.shown_before);
}

TEST_CASE("git attack F8: replaced objects do not change what the host shows", "[attack]") {
  if (!CanSandbox()) return;
  CheckHarmless(AttackPrivate("f8.sh"));
  const Outcome control = AttackShared("f8.sh");
  CHECK(control.shown_after != control.shown_before);
}

TEST_CASE("git attack F9: other refs cannot be moved or deleted", "[attack]") {
  if (!CanSandbox()) return;
  CheckHarmless(AttackPrivate("f9.sh"));
  const Outcome control = AttackShared("f9.sh");
  CHECK(control.host_after != control.host_before);
  CHECK(control.shown_after != control.shown_before);
}

}  // namespace
}  // namespace workmux::test
