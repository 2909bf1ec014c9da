#include "daemon/domain/worktree_claims.h"

#include "tests/support/catch.h"
#include "tests/support/status_matchers.h"

namespace workmux::daemon {
namespace {

SandboxArea Area(const char* worktree, const char* sealed = "") {
  SandboxArea area;
  area.worktree.path = worktree;
  area.worktree.repository = {.common_dir = "/r/.git", .main_worktree = "/r"};
  area.sealed_dir = sealed;
  return area;
}

TEST_CASE("SandboxArea: what lies in a writable worktree is exposed") {
  const SandboxArea beside = Area("/trees/a");
  CHECK(beside.Exposes("/trees/a/x"));
  CHECK(beside.Exposes("/r/x"));
  CHECK_FALSE(beside.Exposes("/trees/b"));
  CHECK_FALSE(beside.Exposes("/rx"));
  // The sandbox sees a repository of its own there.
  CHECK_FALSE(beside.Exposes("/r/.git/trees/x"));
  SandboxArea shared = beside;
  shared.own_git = false;
  CHECK_FALSE(shared.Exposes("/r/x"));
}

TEST_CASE("SandboxArea: a sealed directory hides all but the sandbox's own worktree") {
  const SandboxArea area = Area("/r/t/a", "/r/t");
  CHECK_FALSE(area.Exposes("/r/t/b"));
  CHECK(area.Exposes("/r/t/a/b"));
  CHECK(area.Exposes("/r/b"));
  CHECK_FALSE(Area("/r", "/r/t").Exposes("/r/t/b"));
}

TEST_CASE("WorktreeClaims: a claim counts for the worktree's sandbox and those that expose it") {
  WorktreeClaims claims;
  const std::uint64_t before = claims.version();
  {
    const WorktreeClaims::Claim first = claims.Take("/r/t/a");
    const WorktreeClaims::Claim second = claims.Take("/r/t/a");
    CHECK(claims.version() > before);
    CHECK(ReasonOf(claims.CheckFree(Area("/r/t/a", "/r/t"))) == "WORKTREE_BUSY");
    CHECK(ReasonOf(claims.CheckFree(Area("/r/b"))) == "WORKTREE_BUSY");
    CHECK_OK(claims.CheckFree(Area("/r/t/b", "/r/t")));
  }
  const std::uint64_t after = claims.version();
  CHECK_OK(claims.CheckFree(Area("/r/t/a")));
  // What was read while a claim was held is stale as well.
  { const WorktreeClaims::Claim again = claims.Take("/x"); }
  CHECK(claims.version() == after + 2);
}

}  // namespace
}  // namespace workmux::daemon
