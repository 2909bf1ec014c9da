#include "tests/unit/domain/worktree_world.h"

namespace workmux::daemon {
namespace {

namespace fs = std::filesystem;
using test::Must;
using test::WorktreeWorld;

WorktreeChanges Dirty() {
  WorktreeChanges changes;
  changes.unstaged = true;
  changes.count = 1;
  changes.lines = {" M a.txt"};
  return changes;
}

absl::StatusOr<RemoveResult> Remove(WorktreeWorld& world, RemoveRequest request) {
  if (request.name.empty()) request.name = "x";
  return world.manager.Remove(world.Context(), request);
}

bool IsWhole(WorktreeWorld& world) {
  return fs::exists(world.PathOf("x")) && world.git.HasWorktree(world.PathOf("x")) &&
         !world.git.Ref("refs/heads/x").empty() && world.TrashLeft().empty() &&
         Must(world.journal.Unfinished()).empty();
}

TEST_CASE("Remove: takes worktree, window and branch, and keeps the last commit", "[remove]") {
  WorktreeWorld world;
  REQUIRE_OK(world.Add("x"));
  const std::string tip = world.git.Ref("refs/heads/x");
  test::WriteFile(world.PathOf("x") / "node_modules" / "a", "ignored");
  world.git.config()["branch.x.remote"] = "origin";
  const RemoveResult result = Must(Remove(world, {}));
  CHECK(world.NothingLeftOf("x"));
  CHECK(world.git.Ref(result.recovery_ref) == tip);
  CHECK(result.recovery_ref == "refs/workmux/trash/x-1700000000");
  CHECK(world.git.config().empty());
}

TEST_CASE("Remove: uncommitted work stops it unless told", "[remove]") {
  WorktreeWorld world;
  REQUIRE_OK(world.Add("x"));
  world.git.MakeDirty(world.PathOf("x"), Dirty());
  CHECK(ReasonOf(Remove(world, {}).status()) == "UNCOMMITTED_CHANGES");
  CHECK(IsWhole(world));
  CHECK(world.tmux.windows().size() == 1);
  RemoveRequest request;
  request.discard_unmerged = true;
  CHECK(ReasonOf(Remove(world, request).status()) == "UNCOMMITTED_CHANGES");
  request.discard_uncommitted = true;
  CHECK_OK(Remove(world, request));
}

TEST_CASE("Remove: a rebase under way is work", "[remove]") {
  WorktreeWorld world;
  REQUIRE_OK(world.Add("x"));
  WorktreeChanges changes;
  changes.operation = "rebase";
  world.git.MakeDirty(world.PathOf("x"), changes);
  const absl::Status refused = Remove(world, {}).status();
  CHECK(ReasonOf(refused) == "UNCOMMITTED_CHANGES");
  CHECK(MessageOf(refused) == "'x' has a rebase in progress and 0 uncommitted changes");
}

TEST_CASE("Remove: unmerged commits stop it unless told or the branch stays", "[remove]") {
  WorktreeWorld world;
  REQUIRE_OK(world.Add("x"));
  const std::string tip = world.git.CommitOn("x", "work");
  CHECK(ReasonOf(Remove(world, {}).status()) == "UNMERGED_COMMITS");
  CHECK(IsWhole(world));
  RemoveRequest request;
  SECTION("keep") {
    request.keep_branch = true;
    CHECK(Must(Remove(world, request)).recovery_ref.empty());
    CHECK(world.git.Ref("refs/heads/x") == tip);
  }
  SECTION("discard") {
    request.discard_unmerged = true;
    CHECK(world.git.Ref(Must(Remove(world, request)).recovery_ref) == tip);
  }
  SECTION("merged on the server") {
    world.git.SetRef("refs/remotes/origin/main", tip);
    CHECK_OK(Remove(world, {}));
  }
}

TEST_CASE("Remove: what is not known counts as work", "[remove]") {
  WorktreeWorld world;
  REQUIRE_OK(world.Add("x"));
  SECTION("changes") { world.git.FailNext("Changes", Internal("corrupt")); }
  SECTION("commits") {
    world.git.CommitOn("x", "work");
    world.git.FailNext("CommitsNotIn", Internal("corrupt"));
  }
  CHECK(ReasonOf(Remove(world, {}).status()) == "REMOVAL_UNKNOWN");
  CHECK(IsWhole(world));
}

TEST_CASE("Remove: force goes over failing checks and hooks", "[remove]") {
  WorktreeWorld world;
  REQUIRE_OK(world.Add("x"));
  world.git.MakeDirty(world.PathOf("x"), Dirty());
  world.config.config.pre_remove = std::vector<std::string>{"false"};
  world.hooks.code = 1;
  RemoveRequest request;
  request.discard_uncommitted = true;
  CHECK(ReasonOf(Remove(world, request).status()) == "HOOK_FAILED");
  CHECK(IsWhole(world));
  request.force = true;
  CHECK_OK(Remove(world, request));
  CHECK(world.NothingLeftOf("x"));
}

TEST_CASE("Remove: the main worktree is refused, by name and from inside", "[remove]") {
  WorktreeWorld world;
  RemoveRequest request;
  request.force = true;
  CHECK(ReasonOf(world.manager.Remove(world.Context(), request).status()) == "MAIN_WORKTREE");
  request.name = "main";
  CHECK(ReasonOf(world.manager.Remove(world.Context(), request).status()) == "MAIN_WORKTREE");
  CHECK(fs::exists(world.caller.cwd));
}

TEST_CASE("Remove: work that appears late is seen", "[remove]") {
  WorktreeWorld world;
  REQUIRE_OK(world.Add("x"));
  RemoveRequest request;
  SECTION("written by the hook") {
    world.config.config.pre_remove = std::vector<std::string>{"save"};
    world.hooks.on_run = [&] { world.git.MakeDirty(world.PathOf("x"), Dirty()); };
  }
  SECTION("committed by the sandbox that was stopped") {
    request.before_remove = [&](const Worktree&) {
      world.git.CommitOn("x", "last words");
      return absl::OkStatus();
    };
  }
  SECTION("written while the window dies") {
    world.tmux.OnKill([&] { world.git.MakeDirty(world.PathOf("x"), Dirty()); });
  }
  CHECK_FALSE(Remove(world, request).ok());
  CHECK(IsWhole(world));
}

TEST_CASE("Remove: a worktree that became another one is left alone", "[remove]") {
  WorktreeWorld world;
  REQUIRE_OK(world.Add("x"));
  RemoveRequest request;
  request.force = true;
  request.before_remove = [&](const Worktree&) {
    world.git.SetBranchOf(world.PathOf("x"), "main2");
    return absl::OkStatus();
  };
  CHECK(ReasonOf(Remove(world, request).status()) == "WORKTREE_CHANGED");
  CHECK(fs::exists(world.PathOf("x")));
}

TEST_CASE("Remove: a sandbox that cannot be stopped stops it", "[remove]") {
  WorktreeWorld world;
  REQUIRE_OK(world.Add("x"));
  RemoveRequest request;
  request.before_remove = [](const Worktree&) { return Unavailable("docker is away"); };
  CHECK_CODE(Remove(world, request), absl::StatusCode::kUnavailable);
  CHECK(IsWhole(world));
}

TEST_CASE("Remove: force does not take a worktree from a sandbox that is being opened",
          "[remove]") {
  WorktreeWorld world;
  REQUIRE_OK(world.Add("x"));
  RemoveRequest request;
  request.force = true;
  request.before_remove = [](const Worktree&) {
    return WithReason(Aborted("a sandbox is being opened"), "SANDBOX_BUSY");
  };
  CHECK(ReasonOf(Remove(world, request).status()) == "SANDBOX_BUSY");
  CHECK(IsWhole(world));
  // Control: force is for what cannot be ended.
  request.before_remove = [](const Worktree&) { return Unavailable("docker is away"); };
  CHECK_OK(Remove(world, request).status());
}

TEST_CASE("Remove: the worktree comes back when git does not forget it", "[remove]") {
  WorktreeWorld world;
  REQUIRE_OK(world.Add("x"));
  test::WriteFile(world.PathOf("x") / "a.txt", "a");
  world.git.FailNext("ForgetWorktree", Internal("locked"));
  CHECK_FALSE(Remove(world, {}).ok());
  CHECK(IsWhole(world));
  CHECK(test::ReadWholeFile(world.PathOf("x") / "a.txt") == "a");
}

TEST_CASE("Remove: the caller's own window is left to the caller", "[remove]") {
  WorktreeWorld world;
  REQUIRE_OK(world.Add("x"));
  world.caller.cwd = world.PathOf("x");
  world.caller.env["TMUX_PANE"] = world.tmux.windows()[0].pane_ids[1];
  const RemoveResult result = Must(world.manager.Remove(world.Context(), {}));
  CHECK(result.deferred_windows == std::vector<std::string>{world.tmux.windows()[0].id});
  CHECK_FALSE(fs::exists(world.PathOf("x")));
}

TEST_CASE("Remove: a worktree whose directory is gone can be removed", "[remove]") {
  WorktreeWorld world;
  REQUIRE_OK(world.Add("x"));
  fs::remove_all(world.PathOf("x"));
  CHECK_OK(Remove(world, {}));
  CHECK(world.NothingLeftOf("x"));
}

TEST_CASE("Remove: a locked worktree needs force", "[remove]") {
  WorktreeWorld world;
  REQUIRE_OK(world.Add("x"));
  world.git.SetLocked(world.PathOf("x"));
  CHECK(ReasonOf(Remove(world, {}).status()) == "LOCKED");
}

TEST_CASE("Remove: the main branch is never deleted", "[remove]") {
  WorktreeWorld world;
  world.git.SetBranchOf(world.caller.cwd, "other");
  world.git.CommitOn("other", "o");
  REQUIRE_OK(world.Add("main"));
  RemoveRequest request;
  request.name = "main";
  request.force = true;
  CHECK_OK(Remove(world, request));
  CHECK_FALSE(world.git.Ref("refs/heads/main").empty());
}

TEST_CASE("Remove: links in the worktree are removed, not what they mean", "[remove]") {
  WorktreeWorld world;
  REQUIRE_OK(world.Add("x"));
  test::WriteFile(world.dir / "precious" / "a", "a");
  fs::create_directory_symlink(world.dir / "precious", world.PathOf("x") / "link");
  fs::path deep = world.PathOf("x");
  for (int i = 0; i < 200; ++i) deep /= "d";
  fs::create_directories(deep);
  CHECK_OK(Remove(world, {}));
  CHECK(world.NothingLeftOf("x"));
  CHECK(test::ReadWholeFile(world.dir / "precious" / "a") == "a");
}

TEST_CASE("InspectRemoval: tells what would be lost", "[remove]") {
  WorktreeWorld world;
  REQUIRE_OK(world.Add("x"));
  REQUIRE_OK(world.Add("y"));
  world.git.MakeDirty(world.PathOf("x"), Dirty());
  world.git.CommitOn("x", "work");
  const auto candidates = Must(world.manager.InspectRemoval(world.Context(), {"x", "y"}));
  REQUIRE(candidates.size() == 2);
  CHECK(candidates[0].changes.lines == std::vector<std::string>{" M a.txt"});
  REQUIRE(candidates[0].unmerged.size() == 1);
  CHECK(candidates[0].unmerged[0].subject == "work");
  CHECK(candidates[0].base == "main");
  CHECK(candidates[1].unmerged.empty());
  CHECK(candidates[1].unknown.empty());
  CHECK_CODE(world.manager.InspectRemoval(world.Context(), {"x", "nope"}),
             absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace workmux::daemon
