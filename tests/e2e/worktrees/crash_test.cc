// What a daemon that is killed in the middle leaves behind, and who clears it up.

#include <signal.h>

#include <filesystem>
#include <vector>

#include "common/base/format.h"
#include "common/base/strings.h"
#include "tests/e2e/worktrees/flows.h"
#include "tests/support/catch.h"
#include "tests/support/wait_until.h"

namespace workmux::test {
namespace {

namespace fs = std::filesystem;

// Two histories beside each other, so that a merge needs a commit.
void Diverge(Flows& f) {
  f.world.Must({"add", "topic", "-b"});
  f.world.git().Commit("new", "x", "precious", f.Path("topic"));
  f.world.git().Commit("other", "y", "beside");
}

// proc(5): /proc/<pid>/task/<tid>/children.
std::vector<pid_t> ChildrenOf(pid_t pid) {
  std::vector<pid_t> children;
  std::error_code error;
  for (const auto& task : fs::directory_iterator(Format("/proc/{}/task", pid), error)) {
    for (const std::string& word : Split(ReadWholeFile(task.path() / "children"), ' ')) {
      long long child = 0;
      if (ParseInt(word, child)) children.push_back(static_cast<pid_t>(child));
    }
  }
  return children;
}

// The daemon and what it runs, as when the power fails.
void KillAll(Flows& f) {
  const std::vector<pid_t> children = ChildrenOf(f.world.Daemon());
  f.world.KillDaemon();
  for (const pid_t child : children) {
    // Each leads a group of its own.
    ::kill(-child, SIGKILL);
    CHECK(WaitForEnd(child));
  }
}

// A git hook that says that it runs and goes on once `hold` is gone.
void HoldIn(Flows& f, const std::string& hook) {
  WriteFile(f.world.home() / "hold", "");
  const fs::path file = f.world.repo() / ".git/hooks" / hook;
  WriteFile(file,
            "#!/bin/sh\ntouch \"$HOME/in-hook\"\n"
            "while [ -e \"$HOME/hold\" ]; do sleep 0.02; done\n");
  fs::permissions(file, fs::perms::owner_all);
}

bool Reached(Flows& f) {
  return WaitUntil([&] { return fs::exists(f.world.home() / "in-hook"); },
                   std::chrono::seconds(30));
}

std::vector<std::string> Leftovers(Flows& f) {
  std::vector<std::string> found;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(f.world.area() / "repo__worktrees", error)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with(".workmux_")) found.push_back(name);
  }
  return found;
}

}  // namespace

TEST_CASE("remove: killed before the worktree moved, everything is as it was", "[worktrees]") {
  if (!HaveTmux()) return;
  Flows f;
  f.world.SetProjectConfig("pre_remove: ['touch \"$HOME/in-hook\"; sleep 1000']\n");
  f.world.Must({"add", "topic", "-b"});
  WriteFile(f.Path("topic/precious"), "x");
  const std::string before = f.State();
  auto removing = f.world.Start({"remove", "--force", "topic"});
  REQUIRE(Reached(f));
  KillAll(f);
  CHECK(removing->Wait() == 1);
  CHECK(f.world.Must({"list"}).find("topic") != std::string::npos);
  CHECK(f.State() == before);
  CHECK(ReadWholeFile(f.Path("topic/precious")) == "x");
  f.world.Must({"remove", "--force", "--no-hooks", "topic"});
  CHECK_FALSE(fs::exists(f.Path("topic")));
}

TEST_CASE("remove: killed behind the rename, the next daemon finishes", "[worktrees]") {
  if (!HaveTmux()) return;
  Flows f;
  f.world.Must({"add", "topic", "-b"});
  const std::string tip = f.world.git().Commit("new", "x", "precious", f.Path("topic"));
  // git-config(1): the deletion of a branch waits for this lock without end.
  f.Git({"config", "core.packedRefsTimeout", "-1"});
  const fs::path lock = f.world.repo() / ".git/packed-refs.lock";
  WriteFile(lock, "");
  auto removing = f.world.Start({"remove", "--force", "topic"});
  REQUIRE(WaitUntil(
      [&] {
        return !f.Git({"for-each-ref", "refs/workmux/trash"}).empty();
      },
      std::chrono::seconds(30)));
  CHECK_FALSE(fs::exists(f.Path("topic")));
  KillAll(f);
  CHECK(removing->Wait() == 1);
  CHECK(Leftovers(f).size() == 1);
  CHECK(f.Git({"rev-parse", "topic"}) == tip);
  // A killed git leaves its locks, and they are the person's to remove. Until then
  // nothing more happens, and it is tried again.
  CHECK(f.world.Must({"list"}).find("topic") == std::string::npos);
  CHECK(Leftovers(f).size() == 1);
  CHECK(f.Git({"rev-parse", "topic"}) == tip);
  f.world.KillDaemon();
  fs::remove(lock);
  fs::remove(f.world.repo() / ".git/refs/heads/topic.lock");

  CHECK(f.world.Must({"list"}).find("topic") == std::string::npos);
  CHECK(Leftovers(f).empty());
  CHECK(f.Git({"branch", "--list", "topic"}).empty());
  CHECK(f.Git({"worktree", "list", "--porcelain"}).find("topic") == std::string::npos);
  CHECK(f.Git({"for-each-ref", "--format=%(objectname)", "refs/workmux/trash"}) == tip);
  f.world.Must({"add", "topic", "-b"});
}

TEST_CASE("merge: killed while git merges in the target, nothing is lost", "[worktrees]") {
  if (!HaveTmux()) return;
  Flows f;
  Diverge(f);
  HoldIn(f, "commit-msg");
  const std::string tip = f.Git({"rev-parse", "topic"});
  const std::string before = f.State();
  auto merging = f.world.Start({"merge", "topic"});
  REQUIRE(Reached(f));
  KillAll(f);
  CHECK(merging->Wait() == 1);
  fs::remove(f.world.home() / "hold");
  // The merge is named until the person ends it.
  const CommandResult again = f.world.Run({"merge", "topic"});
  CHECK(Refusal(again, 1, "a merge is in progress in '" + f.world.repo().string() + "'") == "");
  CHECK(f.State() == before);
  CHECK(f.Git({"rev-parse", "topic"}) == tip);
  f.Git({"merge", "--abort"});
  f.world.Must({"merge", "topic"});
  CHECK(f.Git({"rev-list", "--count", "--merges", "main"}) == "1");
  CHECK(fs::exists(f.world.repo() / "new"));
  CHECK_FALSE(fs::exists(f.Path("topic")));
  CHECK(f.Git({"status", "--porcelain"}).empty());
}

TEST_CASE("merge: killed in a checkout of its own, the next daemon takes that back",
          "[worktrees]") {
  if (!HaveTmux()) return;
  Flows f;
  f.Git({"branch", "release"});
  Diverge(f);
  f.Git({"branch", "--force", "release", "main"});
  f.Git({"checkout", "--quiet", "-b", "elsewhere"});
  HoldIn(f, "pre-merge-commit");
  const std::string before = f.State();
  auto merging = f.world.Start({"merge", "topic", "--into", "release"});
  REQUIRE(Reached(f));
  CHECK(Leftovers(f).size() == 1);
  KillAll(f);
  CHECK(merging->Wait() == 1);
  fs::remove(f.world.home() / "hold");
  f.world.Must({"list"});
  CHECK(f.State() == before);
  f.world.Must({"merge", "topic", "--into", "release"});
  CHECK(f.Git({"rev-list", "--count", "--merges", "release"}) == "1");
  CHECK_FALSE(fs::exists(f.Path("topic")));
}

TEST_CASE("merge: killed between merge and removal, merging again removes", "[worktrees]") {
  if (!HaveTmux()) return;
  Flows f;
  f.world.SetProjectConfig(
      "pre_remove: ['touch \"$HOME/in-hook\"; while [ -e \"$HOME/hold\" ]; do sleep 0.02; "
      "done']\n");
  Diverge(f);
  WriteFile(f.world.home() / "hold", "");
  auto merging = f.world.Start({"merge", "topic"});
  REQUIRE(Reached(f));
  KillAll(f);
  CHECK(merging->Wait() == 1);
  fs::remove(f.world.home() / "hold");
  CHECK(fs::exists(f.Path("topic/new")));
  CHECK(f.world.Must({"merge", "topic"}) == "merged topic into main");
  CHECK(f.Git({"rev-list", "--count", "--merges", "main"}) == "1");
  CHECK_FALSE(fs::exists(f.Path("topic")));
  CHECK(f.Git({"branch", "--list", "topic"}).empty());
}

}  // namespace workmux::test
