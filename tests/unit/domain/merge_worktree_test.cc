#include "tests/unit/domain/worktree_world.h"

namespace workmux::daemon {
namespace {

namespace fs = std::filesystem;
using test::Must;
using test::WorktreeWorld;

struct MergeWorld : WorktreeWorld {
  MergeWorld() {
    REQUIRE_OK(Add("x"));
    tip = git.CommitOn("x", "work");
    request.name = "x";
  }
  absl::StatusOr<MergeResult> Merge() { return manager.Merge(Context(), request); }
  WorktreeChanges Tracked() {
    WorktreeChanges changes;
    changes.unstaged = true;
    changes.count = 1;
    return changes;
  }

  std::string tip;
  MergeRequest request;
};

TEST_CASE("Merge: brings the branch into its base and removes the worktree", "[merge]") {
  MergeWorld world;
  const MergeResult result = Must(world.Merge());
  CHECK(result.merged_into == "main");
  CHECK(result.removed);
  CHECK(world.git.Ref("refs/heads/main") == world.tip);
  CHECK(world.git.Ref(result.removal.recovery_ref) == world.tip);
  CHECK(world.NothingLeftOf("x"));
}

TEST_CASE("Merge: keep leaves everything in place", "[merge]") {
  MergeWorld world;
  SECTION("flag") { world.request.keep = true; }
  SECTION("configuration") { world.config.config.merge_keep = true; }
  CHECK_FALSE(Must(world.Merge()).removed);
  CHECK(world.git.Ref("refs/heads/main") == world.tip);
  CHECK(fs::exists(world.PathOf("x")));
}

TEST_CASE("Merge: rebase moves the branch onto the target first", "[merge]") {
  MergeWorld world;
  world.git.CommitOn("main", "meanwhile");
  world.request.strategy = MergeStrategy::kRebase;
  CHECK(Must(world.Merge()).removed);
  const auto news = Must(world.git.CommitsNotIn(world.git.repository(), "main", world.tip, 10));
  CHECK(news.size() == 2);
}

TEST_CASE("Merge: squash says what it holds, and removes the branch after it", "[merge]") {
  MergeWorld world;
  world.git.CommitOn("x", "more");
  world.request.strategy = MergeStrategy::kSquash;
  SECTION("by itself") {
    CHECK(Must(world.Merge()).removed);
    CHECK(world.git.last_squash_message == "Squash branch 'x'\n\n* work\n* more");
  }
  SECTION("as told") {
    world.request.message = "one";
    CHECK(Must(world.Merge()).removed);
    CHECK(world.git.last_squash_message == "one");
  }
}

TEST_CASE("Merge: a conflict changes nothing and keeps the worktree", "[merge]") {
  MergeWorld world;
  world.git.set_conflicting(true);
  const std::string main = world.git.CommitOn("main", "other");
  CHECK(ReasonOf(world.Merge().status()) == "MERGE_CONFLICT");
  CHECK(world.git.Ref("refs/heads/main") == main);
  CHECK(fs::exists(world.PathOf("x")));
  world.request.strategy = MergeStrategy::kRebase;
  const absl::Status rebase = world.Merge().status();
  CHECK(ReasonOf(rebase) == "REBASE_CONFLICT");
  CHECK(HintOf(rebase).find("rebase --continue") != std::string::npos);
}

TEST_CASE("Merge: uncommitted changes of either side stop it", "[merge]") {
  MergeWorld world;
  SECTION("source") {
    world.git.MakeDirty(world.PathOf("x"), world.Tracked());
    CHECK(ReasonOf(world.Merge().status()) == "UNCOMMITTED_CHANGES");
  }
  SECTION("target") {
    world.git.MakeDirty(world.caller.cwd, world.Tracked());
    CHECK(ReasonOf(world.Merge().status()) == "TARGET_NOT_CLEAN");
  }
  SECTION("not known") {
    world.git.FailNext("Changes", Internal("corrupt"));
    CHECK_CODE(world.Merge(), absl::StatusCode::kInternal);
  }
  CHECK(world.git.Ref("refs/heads/main") != world.tip);
  CHECK(fs::exists(world.PathOf("x")));
}

TEST_CASE("Merge: an operation that is not finished is named, on either side", "[merge]") {
  MergeWorld world;
  const std::string main = world.git.Ref("refs/heads/main");
  std::filesystem::path where = world.PathOf("x");
  SECTION("a rebase of the source, whose HEAD is detached") { world.git.StopRebase(where); }
  SECTION("a rebase of the target, which no worktree has checked out meanwhile") {
    where = world.caller.cwd;
    world.git.StopRebase(where);
  }
  SECTION("another operation of the target") {
    where = world.caller.cwd;
    WorktreeChanges changes;
    changes.operation = "rebase";
    world.git.MakeDirty(where, changes);
  }
  const absl::Status refused = world.Merge().status();
  CHECK(ReasonOf(refused) == "OPERATION_IN_PROGRESS");
  CHECK(MessageOf(refused) == "a rebase is in progress in '" + where.string() + "'");
  CHECK(HintOf(refused).find("git rebase --abort") != std::string::npos);
  CHECK(world.git.Ref("refs/heads/main") == main);
}

TEST_CASE("Merge: an operation that cannot be looked up stops it", "[merge]") {
  MergeWorld world;
  world.git.FailNext("OperationUnderWay", Internal("unreadable"), GENERATE(0, 1));
  CHECK_CODE(world.Merge(), absl::StatusCode::kInternal);
  CHECK(world.git.Ref("refs/heads/main") != world.tip);
}

TEST_CASE("Merge: untracked files of the target do not stop it", "[merge]") {
  MergeWorld world;
  WorktreeChanges changes;
  changes.untracked = true;
  changes.count = 1;
  world.git.MakeDirty(world.caller.cwd, changes);
  CHECK_OK(world.Merge());
}

TEST_CASE("Merge: ignored changes are not lost", "[merge]") {
  MergeWorld world;
  world.git.MakeDirty(world.PathOf("x"), world.Tracked());
  world.request.ignore_uncommitted = true;
  CHECK_FALSE(Must(world.Merge()).removed);
  CHECK(world.git.Ref("refs/heads/main") == world.tip);
  CHECK(fs::exists(world.PathOf("x")));
  CHECK_FALSE(world.progress.warnings.empty());
}

TEST_CASE("Merge: what the agent writes during the merge is not lost", "[merge]") {
  MergeWorld world;
  SECTION("a change") {
    world.request.before_remove = [&](const Worktree&) {
      world.git.MakeDirty(world.PathOf("x"), world.Tracked());
      return absl::OkStatus();
    };
  }
  SECTION("a commit") {
    world.request.before_remove = [&](const Worktree&) {
      world.git.CommitOn("x", "late");
      return absl::OkStatus();
    };
  }
  const MergeResult result = Must(world.Merge());
  CHECK_FALSE(result.removed);
  CHECK(fs::exists(world.PathOf("x")));
  CHECK_FALSE(world.git.Ref("refs/heads/x").empty());
  CHECK_FALSE(world.progress.warnings.empty());
}

TEST_CASE("Merge: no checkout is switched for a target that is not checked out", "[merge]") {
  MergeWorld world;
  const std::string main = world.git.Ref("refs/heads/main");
  world.git.SetRef("refs/heads/dev", main);
  world.request.into = "dev";
  SECTION("a fast-forward moves the ref") {
    CHECK_OK(world.Merge());
    CHECK(world.git.Ref("refs/heads/dev") == world.tip);
  }
  SECTION("else a checkout of our own is merged in and goes away") {
    const std::string dev = world.git.CommitOn("dev", "other");
    CHECK_OK(world.Merge());
    CHECK(world.git.Ref("refs/heads/dev") != dev);
    CHECK(Must(world.git.CommitsNotIn(world.git.repository(), world.tip, "dev", 1)).empty());
  }
  SECTION("also after a conflict") {
    const std::string dev = world.git.CommitOn("dev", "other");
    world.git.set_conflicting(true);
    CHECK(ReasonOf(world.Merge().status()) == "MERGE_CONFLICT");
    CHECK(world.git.Ref("refs/heads/dev") == dev);
  }
  CHECK(world.git.Ref("refs/heads/main") == main);
  CHECK(Must(world.git.Locate(world.caller.cwd)).branch == "main");
  CHECK(world.TrashLeft().empty());
  CHECK(Must(world.git.ListWorktrees(world.git.repository())).size() <= 2);
  CHECK(Must(world.journal.Unfinished()).empty());
}

TEST_CASE("Merge: the sandbox's commits are taken over first", "[merge]") {
  MergeWorld world;
  world.request.before_merge = [&](const Worktree&) {
    world.tip = world.git.CommitOn("x", "imported");
    return absl::OkStatus();
  };
  CHECK_OK(world.Merge());
  CHECK(world.git.Ref("refs/heads/main") == world.tip);
}

TEST_CASE("Merge: hooks run before, and stop it when they fail", "[merge]") {
  MergeWorld world;
  world.config.config.pre_merge = {"just check"};
  world.hooks.code = 1;
  CHECK(ReasonOf(world.Merge().status()) == "HOOK_FAILED");
  CHECK(world.git.Ref("refs/heads/main") != world.tip);
  CHECK(world.hooks.ran[0].env.at("WM_TARGET_BRANCH") == "main");
  CHECK(world.hooks.ran[0].env.at("WM_BRANCH_NAME") == "x");
  world.request.no_verify = true;
  CHECK_OK(world.Merge());
}

TEST_CASE("Merge: refuses the main worktree and merging into itself", "[merge]") {
  MergeWorld world;
  world.request.into = "x";
  CHECK_CODE(world.Merge(), absl::StatusCode::kInvalidArgument);
  world.request.into = "nope";
  CHECK_CODE(world.Merge(), absl::StatusCode::kNotFound);
  world.request.name.clear();
  CHECK(ReasonOf(world.Merge().status()) == "MAIN_WORKTREE");
}

}  // namespace
}  // namespace workmux::daemon
