#include "daemon/domain/operation_payload.h"
#include "tests/unit/domain/worktree_world.h"

namespace workmux::daemon {
namespace {

namespace fs = std::filesystem;
using test::Must;
using test::WorktreeWorld;

void Begin(WorktreeWorld& world, const std::string& kind, OperationFields fields) {
  fields["common_dir"] = world.git.repository().common_dir;
  fields["main"] = world.git.repository().main_worktree;
  REQUIRE_OK(world.journal.Begin(kind, EncodeOperation(fields)));
}

// The daemon dies in the hook: what stands in the journal then is all there is.
void AddAndDie(WorktreeWorld& world) {
  const std::string start = world.git.Ref("refs/heads/main");
  REQUIRE_OK(world.git.AddWorktree(world.git.repository(), {world.PathOf("x"), "x", true, start}));
  Begin(world, "add",
        {{"path", world.PathOf("x")}, {"branch", "x"}, {"start", start}, {"created_branch", "1"}});
}

TEST_CASE("Recover: a half made worktree is taken back", "[recover]") {
  WorktreeWorld world;
  AddAndDie(world);
  CHECK_OK(world.manager.Recover(world.progress));
  CHECK(world.NothingLeftOf("x"));
}

TEST_CASE("Recover: a half made worktree with a new file is kept", "[recover]") {
  WorktreeWorld world;
  AddAndDie(world);
  WorktreeChanges changes;
  changes.untracked = true;
  changes.count = 1;
  world.git.MakeDirty(world.PathOf("x"), changes);
  CHECK_OK(world.manager.Recover(world.progress));
  CHECK(fs::exists(world.PathOf("x")));
  CHECK(Must(world.journal.Unfinished()).empty());
  CHECK(world.progress.warnings.size() == 1);
}

TEST_CASE("Recover: a worktree that was complete but for its window stays", "[recover]") {
  WorktreeWorld world;
  AddAndDie(world);
  REQUIRE_OK(world.journal.Note(1, "built"));
  CHECK_OK(world.manager.Recover(world.progress));
  CHECK(fs::exists(world.PathOf("x")));
  CHECK(Must(world.journal.Unfinished()).empty());
}

TEST_CASE("Recover: an add whose undoing fails is tried again", "[recover]") {
  WorktreeWorld world;
  AddAndDie(world);
  world.git.FailNext("ForgetWorktree", Unavailable("busy"));
  CHECK_OK(world.manager.Recover(world.progress));
  CHECK(Must(world.journal.Unfinished()).size() == 1);
  CHECK_OK(world.manager.Recover(world.progress));
  CHECK(world.NothingLeftOf("x"));
}

TEST_CASE("Recover: a removal goes on behind the rename, and not before it", "[recover]") {
  WorktreeWorld world;
  REQUIRE_OK(world.Add("x"));
  REQUIRE_OK(world.tmux.KillWindow(world.tmux.windows()[0].id));
  const std::string tip = world.git.Ref("refs/heads/x");
  const std::string trash = ".workmux_trash_x_5";
  Begin(world, "remove",
        {{"path", world.PathOf("x")},
         {"branch", "x"},
         {"tip", tip},
         {"trash", trash},
         {"recovery_ref", "refs/workmux/trash/x-5"}});
  SECTION("before") {
    CHECK_OK(world.manager.Recover(world.progress));
    CHECK(fs::exists(world.PathOf("x")));
    CHECK(world.git.Ref("refs/heads/x") == tip);
  }
  SECTION("behind") {
    fs::rename(world.PathOf("x"), world.dir / "repo__worktrees" / trash);
    CHECK_OK(world.manager.Recover(world.progress));
    CHECK(world.NothingLeftOf("x"));
    CHECK(world.git.Ref("refs/workmux/trash/x-5") == tip);
  }
  CHECK(Must(world.journal.Unfinished()).empty());
}

TEST_CASE("Recover: a branch that could not be deleted is tried again, unless it moved",
          "[recover]") {
  WorktreeWorld world;
  REQUIRE_OK(world.Add("x"));
  const std::string tip = world.git.Ref("refs/heads/x");
  RemoveRequest request;
  request.name = "x";
  // The first call makes the ref that keeps the commit.
  world.git.FailNext("UpdateRef", Internal("packed-refs is locked"), 1);
  REQUIRE_OK(world.manager.Remove(world.Context(), request));
  CHECK(world.git.Ref("refs/heads/x") == tip);
  CHECK(world.progress.warnings.size() == 1);
  REQUIRE(Must(world.journal.Unfinished()).size() == 1);
  SECTION("as it was") {
    CHECK_OK(world.manager.Recover(world.progress));
    CHECK(world.NothingLeftOf("x"));
  }
  SECTION("with new work on it") {
    const std::string moved = world.git.CommitOn("x", "more");
    CHECK_OK(world.manager.Recover(world.progress));
    CHECK(world.git.Ref("refs/heads/x") == moved);
  }
  CHECK(Must(world.journal.Unfinished()).empty());
}

TEST_CASE("Recover: a checkout that a merge had made goes away", "[recover]") {
  WorktreeWorld world;
  const fs::path path = world.dir / "repo__worktrees" / ".workmux_merge_x_5";
  REQUIRE_OK(world.git.AddWorktree(world.git.repository(), {path, "dev", true, "main"}));
  Begin(world, "merge-checkout", {{"path", path}});
  CHECK_OK(world.manager.Recover(world.progress));
  CHECK_FALSE(fs::exists(path));
  CHECK_FALSE(world.git.HasWorktree(path));
  CHECK_FALSE(world.git.Ref("refs/heads/dev").empty());
}

}  // namespace
}  // namespace workmux::daemon
