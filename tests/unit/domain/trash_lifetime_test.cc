#include "daemon/domain/trash_lifetime.h"

#include "daemon/domain/recovery_refs.h"
#include "daemon/domain/worktree_naming.h"
#include "tests/unit/domain/worktree_world.h"

namespace workmux::daemon {
namespace {

using test::Must;
using test::WorktreeWorld;

constexpr std::int64_t kNow = 1700000000;  // WorktreeWorld's clock
constexpr std::int64_t kDay = 24 * 60 * 60;

TEST_CASE("TrashTime: only a time that workmux can have written is one", "[trash]") {
  CHECK(TrashTime("refs/workmux/trash/x-1700000000", '-') == kNow);
  CHECK(TrashTime("0123456789abcdef.1700000000", '.') == kNow);
  for (const char* name : {"", "x", "x-", "x-y", "x-2024", "x-0", "x-+1700000000", "x-1700000000z",
                           "x--1700000000 ", "x-99999999999999999999"}) {
    CAPTURE(name);
    CHECK_FALSE(TrashTime(name, '-'));
  }
}

TEST_CASE("IsExpired: after thirty days, never before, never without a time", "[trash]") {
  CHECK(IsExpired(kNow - 30 * kDay - 1, kNow));
  CHECK_FALSE(IsExpired(kNow - 30 * kDay, kNow));
  CHECK_FALSE(IsExpired(kNow + 1, kNow));
  CHECK_FALSE(IsExpired(std::nullopt, kNow));
  CHECK_FALSE(IsExpired(kNow, 5));  // a machine without a battery
}

TEST_CASE("PruneRecoveryRefs: old ones go, what is younger or not understood stays", "[trash]") {
  WorktreeWorld world;
  const std::string tip = world.git.Ref("refs/heads/main");
  const std::string old = RecoveryRef("old", kNow - 31 * kDay);
  const std::set<std::string> kept = {RecoveryRef("young", kNow - 29 * kDay),
                                      "refs/workmux/trash/mine-2020", "refs/workmux/trash/mine"};
  world.git.SetRef(old, tip);
  for (const std::string& ref : kept) world.git.SetRef(ref, tip);
  const auto left = [&] { return world.git.refs_named("refs/workmux/trash/"); };
  SECTION("by itself") {
    CHECK(Must(PruneRecoveryRefs(world.git, world.git.repository(), kNow)) == 1);
    CHECK(left() == kept);
  }
  SECTION("for every repository with a worktree of workmux") {
    world.manager.PruneRecoveryRefs(world.progress);
    CHECK(left().contains(old));
    REQUIRE_OK(world.Add("x"));
    world.manager.PruneRecoveryRefs(world.progress);
    CHECK(left() == kept);
    CHECK(world.progress.warnings.empty());
  }
  SECTION("after a removal, which adds one") {
    REQUIRE_OK(world.Add("x"));
    RemoveRequest request;
    request.name = "x";
    const RemoveResult removed = Must(world.manager.Remove(world.Context(), request));
    CHECK_FALSE(left().contains(old));
    CHECK(left().contains(removed.recovery_ref));
    CHECK(left().size() == kept.size() + 1);
  }
  SECTION("one that moved meanwhile is not ours to delete") {
    world.git.FailNext("UpdateRef", Aborted("changed"));
    CHECK(Must(PruneRecoveryRefs(world.git, world.git.repository(), kNow)) == 0);
  }
  SECTION("refs that cannot be listed are all kept") {
    world.git.FailNext("ListRefs", Internal("corrupt"));
    CHECK_FALSE(PruneRecoveryRefs(world.git, world.git.repository(), kNow).ok());
    CHECK(left().contains(old));
  }
}

}  // namespace
}  // namespace workmux::daemon
