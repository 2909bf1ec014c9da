#include "daemon/domain/mount_plan.h"

#include <algorithm>
#include <optional>

#include "tests/support/status_matchers.h"

namespace workmux::daemon {
namespace {

MountPlanInput Input() {
  MountPlanInput input;
  input.worktree.repository = {"/src/app/.git", "/src/app"};
  input.worktree.path = "/src/app__worktrees/docs";
  input.git_mounts = {{"/state/git/1", "/src/app/.git", true},
                      {"/src/app/.git/objects", "/run/workmux/host-objects", false},
                      {"/src/app__worktrees/docs/.git", "/src/app__worktrees/docs/.git", false}};
  input.agent_mounts = {{"/home/u/.claude", "/tmp/.claude", true}};
  input.guest_bin_dir = "/opt/workmux/guest";
  input.bridge_dir = "/run/user/1000/workmux/s1";
  return input;
}

std::string ReasonFor(const Mount& extra) {
  MountPlanInput input = Input();
  input.extra_mounts = {extra};
  return ReasonOf(PlanMounts(input).status());
}

}  // namespace

TEST_CASE("MountPlan: the table of the sandbox guide, directories before their contents") {
  MountPlanInput input = Input();
  input.extra_mounts = {{"/data", "/data", false}};
  CHECK(
      test::Must(PlanMounts(input)) ==
      std::vector<Mount>{{"/data", "/data", false},
                         {"/opt/workmux/guest", "/run/workmux/bin", false},
                         {"/run/user/1000/workmux/s1", "/run/workmux/bridge", false},
                         {"/src/app/.git/objects", "/run/workmux/host-objects", false},
                         {"/src/app", "/src/app", true},
                         {"/state/git/1", "/src/app/.git", true},
                         {"/src/app__worktrees/docs", "/src/app__worktrees/docs", true},
                         {"/src/app__worktrees/docs/.git", "/src/app__worktrees/docs/.git", false},
                         {"/home/u/.claude", "/tmp/.claude", true}});
}

TEST_CASE("MountPlan: shared git is the host's whole directory") {
  MountPlanInput input = Input();
  input.git_mounts.clear();
  input.share_git = true;
  const std::vector<Mount> mounts = test::Must(PlanMounts(input));
  CHECK(std::count(mounts.begin(), mounts.end(), Mount{"/src/app/.git", "/src/app/.git", true}) ==
        1);
}

TEST_CASE("MountPlan: a sandbox in the main checkout mounts it once") {
  MountPlanInput input = Input();
  input.worktree.path = "/src/app";
  input.git_mounts.pop_back();
  const std::vector<Mount> mounts = test::Must(PlanMounts(input));
  CHECK(std::count(mounts.begin(), mounts.end(), Mount{"/src/app", "/src/app", true}) == 1);
}

TEST_CASE("MountPlan: worktrees inside the main one cannot be written or renamed away") {
  MountPlanInput input = Input();
  input.worktree.path = "/src/app/.trees/a/docs";
  input.git_mounts.back() = {"/src/app/.trees/a/docs/.git", "/src/app/.trees/a/docs/.git", false};
  input.protected_paths = {"/src/app/.trees/b/other"};
  const std::vector<Mount> mounts = test::Must(PlanMounts(input));
  const auto has = [&](const Mount& mount) {
    return std::count(mounts.begin(), mounts.end(), mount) == 1;
  };
  CHECK(has({"/src/app/.trees/b/other", "/src/app/.trees/b/other", false}));
  CHECK(has({"/src/app/.trees/a/docs", "/src/app/.trees/a/docs", true}));
  // Every directory on the way is a mount point, so that rename(2) is refused.
  CHECK(has({"/src/app/.trees", "/src/app/.trees", true}));
  CHECK(has({"/src/app/.trees/a", "/src/app/.trees/a", true}));
  CHECK(has({"/src/app/.trees/b", "/src/app/.trees/b", true}));
}

TEST_CASE("MountPlan: the host's git directory never shows through") {
  MountPlanInput input = Input();
  input.git_mounts.clear();
  CHECK(ReasonOf(PlanMounts(input).status()) == "MOUNT_EXPOSES_GIT");
  CHECK(ReasonFor({"/src/app/.git/hooks", "/mnt/hooks", true}) == "MOUNT_EXPOSES_GIT");
  CHECK(ReasonFor({"/src", "/mnt/src", true}) == "MOUNT_EXPOSES_GIT");
  CHECK(ReasonFor({"/src", "/mnt/src", false}).empty());
}

TEST_CASE("MountPlan: no directory above a mount can be renamed") {
  MountPlanInput input = Input();
  input.worktree.path = "/src/app/.worktrees/deep/docs";
  input.git_mounts.back() = {"/src/app/.worktrees/deep/docs/.git",
                             "/src/app/.worktrees/deep/docs/.git", false};
  input.git_mounts.push_back(
      {"/src/app/.git/worktrees/docs/modules", "/src/app/.git/worktrees/docs/modules", false});
  const std::vector<Mount> mounts = test::Must(PlanMounts(input));
  const auto count = [&](const char* dir) {
    return std::count(mounts.begin(), mounts.end(), Mount{dir, dir, true});
  };
  CHECK(count("/src/app/.worktrees") == 1);
  CHECK(count("/src/app/.worktrees/deep") == 1);
  CHECK(count("/src/app/.worktrees/deep/docs") == 1);
  CHECK(count("/src") == 0);
  // Below the private directory nothing of the host's may show through.
  CHECK(count("/src/app/.git/worktrees") == 0);
  CHECK(count("/src/app/.git/worktrees/docs") == 0);
}

TEST_CASE("MountPlan: the main worktree is mounted as the configuration says") {
  MountPlanInput input = Input();
  const auto main_mount = [&](MainWorktreeAccess access) -> std::optional<Mount> {
    input.main_worktree = access;
    for (const Mount& mount : test::Must(PlanMounts(input))) {
      if (mount.target == "/src/app") return mount;
    }
    return std::nullopt;
  };
  CHECK(main_mount(MainWorktreeAccess::kReadWrite) == Mount{"/src/app", "/src/app", true});
  CHECK(main_mount(MainWorktreeAccess::kReadOnly) == Mount{"/src/app", "/src/app", false});
  CHECK(main_mount(MainWorktreeAccess::kNone) == std::nullopt);
  // A sandbox in the main worktree has nothing else to work in.
  input.worktree.path = "/src/app";
  input.git_mounts.pop_back();
  CHECK(main_mount(MainWorktreeAccess::kNone) == Mount{"/src/app", "/src/app", true});
}

TEST_CASE("MountPlan: a masked file is hidden wherever a mount shows it") {
  MountPlanInput input = Input();
  input.masked_files = {"/src/app/config/key.pem", "/src/app__worktrees/docs/.env", "/etc/shadow"};
  input.extra_mounts = {{"/src/app/config", "/mnt/config", false}};
  const std::vector<Mount> mounts = test::Must(PlanMounts(input));
  const auto masked = [&](const char* target) {
    return std::count(mounts.begin(), mounts.end(), Mount{"/dev/null", target, false}) == 1;
  };
  CHECK(masked("/src/app/config/key.pem"));
  CHECK(masked("/mnt/config/key.pem"));
  CHECK(masked("/src/app__worktrees/docs/.env"));
  CHECK(std::count_if(mounts.begin(), mounts.end(),
                      [](const Mount& mount) { return mount.source == "/dev/null"; }) == 3);
  // Renamed, the directory would take the mask along: the next sandbox would find none.
  const Mount pin{"/src/app/config", "/src/app/config", true};
  CHECK(std::count(mounts.begin(), mounts.end(), pin) == 1);
  CHECK(std::find(mounts.begin(), mounts.end(), pin) <
        std::find(mounts.begin(), mounts.end(),
                  Mount{"/dev/null", "/src/app/config/key.pem", false}));
}

TEST_CASE("MountPlan: a file that no mount shows needs no mask") {
  MountPlanInput input = Input();
  input.main_worktree = MainWorktreeAccess::kNone;
  // The private git directory stands over the host's.
  input.masked_files = {"/src/app/.env", "/src/app/.git/config"};
  for (const Mount& mount : test::Must(PlanMounts(input))) CHECK(mount.source != "/dev/null");
}

TEST_CASE("MountPlan: two things at one place are refused") {
  CHECK(ReasonFor({"/other", "/src/app", true}) == "MOUNT_CONFLICT");
  CHECK(ReasonFor({"/src/app__worktrees/docs", "/src/app__worktrees/docs", false}) ==
        "MOUNT_CONFLICT");
}

TEST_CASE("MountPlan: places and sources that give the sandbox away are refused") {
  CHECK(ReasonFor({"/x", "/run/workmux/bin", false}) == "MOUNT_RESERVED");
  CHECK(ReasonFor({"/x", "/proc/sys", false}) == "MOUNT_RESERVED");
  CHECK(ReasonFor({"/x", "/", false}) == "MOUNT_RESERVED");
  CHECK(ReasonFor({"/var/run/docker.sock", "/mnt/s", false}) == "MOUNT_EXPOSES_ENGINE");
  CHECK(ReasonFor({"/x/../y", "/mnt", false}) == "MOUNT_PATH_INVALID");
  CHECK(ReasonFor({"x", "/mnt", false}) == "MOUNT_PATH_INVALID");
  CHECK(ReasonFor({"/x", "/mnt\n", false}) == "MOUNT_PATH_INVALID");
}

TEST_CASE("MountPlan: only files that a mount shows are to be watched") {
  const std::vector<Mount> mounts = {
      {"/w/tree", "/w/tree", true}, {"/data/one", "/mnt", false}, {kMaskSource, "/w/.env", false}};
  const std::vector<std::filesystem::path> files = {"/w/tree/.env", "/w/main/.env", "/data/one",
                                                    "/w/treetop"};
  CHECK(FilesShownBy(mounts, files) ==
        std::vector<std::filesystem::path>{"/w/tree/.env", "/data/one"});
}

}  // namespace workmux::daemon
