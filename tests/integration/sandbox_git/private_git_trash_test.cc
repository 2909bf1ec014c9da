#include "daemon/domain/worktree_state_trash.h"

#include "common/base/clock.h"
#include "daemon/async/thread_pool.h"
#include "daemon/sandbox_git/clone_git_boundary.h"
#include "tests/integration/sandbox_git/boundary.h"
#include "tests/support/wait_until.h"

namespace workmux::test {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kDay = 24 * 60 * 60;

std::vector<fs::path> Trash(const GitWorld& world) {
  std::vector<fs::path> found;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(world.state() / "git/trash", error)) {
    found.push_back(entry.path());
  }
  return found;
}

TEST_CASE("PrivateGitDir: that of a removed worktree goes to the trash with its stash", "[git]") {
  if (!CanSandbox()) return;
  GitWorld world;
  Boundary boundary(world);
  boundary.MustInside("echo kept > f; git stash -q");
  daemon::ThreadPool executor("test", 1, 1);
  auto git = Must(daemon::CloneGitBoundary::Create(world.runner(), executor, world.state()));
  world.Run(world.main(), "git worktree remove -f ../wt");
  REQUIRE_OK(git->Discard(boundary.worktree));
  executor.Drain();
  CHECK_FALSE(fs::exists(boundary.dir.path()));
  REQUIRE(Trash(world).size() == 1);
  CHECK(fs::exists(Trash(world)[0] / "dir/refs/stash"));
  REQUIRE_OK(git->Discard(boundary.worktree));
  git->StopWatching();
}

TEST_CASE("TrashOrphans: what the user's own git removed, and nothing else", "[git]") {
  if (!CanSandbox()) return;
  GitWorld world;
  Boundary boundary(world);
  CHECK(Must(daemon::TrashOrphans(world.state() / "git", UnixNow())) == 0);
  SECTION("the worktree is gone") {
    world.Run(world.main(), "git worktree remove -f ../wt");
    CHECK(Must(daemon::TrashOrphans(world.state() / "git", UnixNow())) == 1);
    CHECK(Trash(world).size() == 1);
    CHECK_FALSE(fs::exists(boundary.dir.path()));
  }
  SECTION("its whole repository is, as on a disk that is not mounted") {
    fs::rename(world.main(), world.root() / "away");
    CHECK(Must(daemon::TrashOrphans(world.state() / "git", UnixNow())) == 0);
  }
  SECTION("which worktree it was cannot be read") {
    world.Run(world.main(), "git worktree remove -f ../wt");
    fs::remove(boundary.dir.meta() / "identity");
    CHECK(Must(daemon::TrashOrphans(world.state() / "git", UnixNow())) == 0);
  }
}

TEST_CASE("PruneStateTrash: after thirty days, links in it are not followed", "[git]") {
  if (!CanSandbox()) return;
  GitWorld world;
  Boundary boundary(world);
  WriteFile(world.root() / "precious/file", "x");
  fs::create_directory_symlink(world.root() / "precious", boundary.dir.path() / "link");
  REQUIRE_OK(boundary.dir.MoveToTrash());
  WriteFile(world.state() / "git/trash/no-time/file", "x");
  WriteFile(world.state() / "git/trash/0123.4/file", "x");
  REQUIRE(Trash(world).size() == 3);
  CHECK(Must(daemon::PruneStateTrash(world.state() / "git", UnixNow())) == 0);
  CHECK(Must(daemon::PruneStateTrash(world.state() / "git", UnixNow() + 30 * kDay - 60)) == 0);
  CHECK(Must(daemon::PruneStateTrash(world.state() / "git", UnixNow() + 30 * kDay + 60)) == 1);
  CHECK(Trash(world).size() == 2);
  CHECK(fs::exists(world.root() / "precious/file"));
}

}  // namespace
}  // namespace workmux::test
