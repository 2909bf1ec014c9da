#include "daemon/verify/expectation.h"

#include <algorithm>

#include "common/os/mount_points.h"
#include "daemon/verify/capabilities.h"
#include "daemon/verify/host_sockets.h"
#include "tests/fakes/fake_sandbox.h"
#include "tests/support/catch.h"

namespace workmux::daemon {
namespace {

using Catch::Contains;
using state::v1::Expectation;

struct Fixture {
  Fixture() {
    plan.backend = &backend;
    plan.worktree.path = "/w/main/.trees/one";
    plan.worktree.repository = {.common_dir = "/w/main/.git", .main_worktree = "/w/main"};
    plan.extra_mounts = {{"/data", "/w/main/data/x", true}};
    spec.uid = 1000;
    spec.gid = 1000;
    spec.mounts = {{"/w/main", "/w/main", true},
                   {"/private", "/w/main/.git", true},
                   {"/w/main/.trees/one", "/w/main/.trees/one", true},
                   {"/w/main/.trees/one/.git", "/w/main/.trees/one/.git", false},
                   {"/dev/null", "/w/main/.env", false},
                   {"/data", "/w/main/data/x", true}};
    spec.env = {{"WM_RPC_TOKEN", "t"}, {"PATH", "/bin"}, {"API_TOKEN", "s"}};
  }
  Expectation Build() const {
    return BuildExpectation({.plan = plan,
                             .spec = spec,
                             .makeup = makeup,
                             .sources = {},
                             .image_variables = {"GPG_KEY"},
                             .sockets = {"/run/docker.sock"},
                             .mount_points = MountPoints(mountinfo)});
  }

  test::SandboxLog log;
  test::FakeSandboxBackend backend{"docker", log};
  SessionPlan plan;
  SandboxSpec spec;
  SandboxMakeup makeup;
  std::string mountinfo;
};

std::string Targets(const Expectation& expectation, bool pinned) {
  std::string all;
  for (const Expectation::Mount& mount : expectation.mounts()) {
    if (mount.pinned() == pinned) all += mount.target() + " ";
  }
  return all;
}

bool HasOwn(const Expectation& expectation, const std::string& target) {
  return std::any_of(expectation.own_mounts().begin(), expectation.own_mounts().end(),
                     [&](const Expectation::OwnMount& own) { return own.target() == target; });
}

}  // namespace

TEST_CASE("Expectation: without options nothing is granted", "[verify]") {
  const Expectation meant = Fixture().Build();
  CHECK(meant.capabilities() == 0);
  CHECK(meant.no_new_privileges());
  CHECK(meant.seccomp());
  CHECK(meant.further_groups().empty());
  CHECK(Targets(meant, true) ==
        "/w/main/.git /w/main/.trees/one /w/main/.trees/one/.git /w/main/.env ");
  CHECK(std::vector<std::string>(meant.variables().begin(), meant.variables().end()) ==
        std::vector<std::string>{"API_TOKEN", "PATH", "WM_RPC_TOKEN", "GPG_KEY"});
  CHECK(std::vector<std::string>(meant.secrets().begin(), meant.secrets().end()) ==
        std::vector<std::string>{"API_TOKEN", "WM_RPC_TOKEN"});
}

TEST_CASE("Expectation: what the user asked for is allowed and listed", "[verify]") {
  Fixture f;
  f.plan.git = SandboxGit::kShared;
  f.plan.container.cap_add = {"NET_RAW"};
  f.plan.container.security_opt = {"seccomp=unconfined", "no-new-privileges:false",
                                   "systempaths=unconfined"};
  f.plan.container.group_add = {"4711", "video"};
  f.plan.container.devices = {{"/dev/kvm", "/dev/kvm", "rw"}};
  f.makeup.mounts = {{.target = "/proc/sys", .filesystem = {}, .required = true}};
  const Expectation meant = f.Build();
  CHECK(meant.capabilities() == CapabilityBit("net_raw"));
  CHECK_FALSE(meant.no_new_privileges());
  CHECK_FALSE(meant.seccomp());
  CHECK(meant.any_groups());
  CHECK_FALSE(meant.own_mounts(0).required());
  std::string weakened;
  for (const std::string& what : meant.weakened()) weakened += what + "\n";
  for (const char* key : {"git: shared", "cap_add: NET_RAW", "security_opt: seccomp=unconfined",
                          "devices: /dev/kvm", "group_add: video", "/data: writable"}) {
    CHECK_THAT(weakened, Contains(key));
  }
}

TEST_CASE("Expectation: mounts below a source come along", "[verify]") {
  Fixture f;
  f.mountinfo = "1 0 8:1 / / rw - ext4 x rw\n2 1 8:2 / /data/disk\\040one rw - ext4 x rw\n";
  CHECK(HasOwn(f.Build(), "/w/main/data/x/disk one"));
  CHECK(MountPointsBelow(MountPoints(f.mountinfo), "/data/disk one").empty());
  CHECK(MountPointsBelow(MountPoints(f.mountinfo), "/data/disk").empty());
}

TEST_CASE("Expectation: policy is the same in another worktree and not with other rights",
          "[verify]") {
  Fixture one;
  Fixture other;
  other.plan.worktree.path = "/w/main/.trees/two";
  other.spec.mounts[2] = {"/w/main/.trees/two", "/w/main/.trees/two", true};
  other.spec.mounts[3] = {"/w/main/.trees/two/.git", "/w/main/.trees/two/.git", false};
  CHECK(PolicyOf(one.Build()) == PolicyOf(other.Build()));
  other.makeup.processes = 4096;
  CHECK(PolicyOf(one.Build()) != PolicyOf(other.Build()));
}

TEST_CASE("Expectation: the text on record gives it back", "[verify]") {
  const Expectation meant = Fixture().Build();
  Expectation read;
  REQUIRE(FromText(ToText(meant), read));
  CHECK(read.SerializeAsString() == meant.SerializeAsString());
  for (const char* text : {"", "zz", "0", "ffff"}) CHECK_FALSE(FromText(text, read));
}

TEST_CASE("HostSockets: usual places and those that the caller names", "[verify]") {
  const auto sockets = HostSockets({{"SSH_AUTH_SOCK", "/tmp/ssh-x/agent.1"},
                                    {"DOCKER_HOST", "unix:///run/other.sock"},
                                    {"DBUS_SESSION_BUS_ADDRESS", "unix:path=/run/bus,guid=1"},
                                    {"TMUX", "/tmp/t/main,12,0"},
                                    {"XDG_RUNTIME_DIR", "/run/me"}},
                                   1000);
  for (const char* path :
       {"/run/docker.sock", "/var/run/docker.sock", "/tmp/ssh-x/agent.1", "/run/other.sock",
        "/run/bus", "/tmp/t/main", "/run/me/workmux/workmuxd.sock", "/run/user/1000/bus"}) {
    INFO(path);
    CHECK(std::find(sockets.begin(), sockets.end(), path) != sockets.end());
  }
}

}  // namespace workmux::daemon
