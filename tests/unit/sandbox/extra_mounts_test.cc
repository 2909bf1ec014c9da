#include "daemon/domain/extra_mounts.h"

#include <filesystem>

#include "common/io/socket.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace workmux::daemon {
namespace {

namespace fs = std::filesystem;

// A home with what a person has in it.
struct Host {
  Host() {
    for (const char* name : {"home/notes", "home/.docker/run", "run/ssh", "state", "data"})
      fs::create_directories(dir / name);
    env = {{"XDG_RUNTIME_DIR", (dir / "run").string()},
           {"SSH_AUTH_SOCK", (dir / "agent/sock").string()},
           {"DOCKER_HOST", "unix://" + (dir / "engine.sock").string()},
           {"DBUS_SESSION_BUS_ADDRESS", "unix:path=" + (dir / "bus").string() + ",guid=1"}};
    off_limits = OffLimitsFor(env, dir / "home", 1000, {dir / "state"});
  }
  absl::StatusOr<std::vector<Mount>> Resolve(const fs::path& path) const {
    return ResolveExtraMounts({{path, {}, false}}, off_limits);
  }
  std::string Reason(const fs::path& path) const { return ReasonOf(Resolve(path).status()); }

  test::TempDir dir;
  Env env;
  OffLimits off_limits;
};

TEST_CASE("ExtraMounts: a path is mounted where it stands, or where it is wanted") {
  const Host host;
  const fs::path notes = host.dir / "home/notes";
  CHECK(test::Must(host.Resolve("~/notes")) == std::vector<Mount>{{notes, notes, false}});
  CHECK(test::Must(ResolveExtraMounts({{notes, "/notes", true}}, host.off_limits)) ==
        std::vector<Mount>{{notes, "/notes", true}});
}

TEST_CASE("ExtraMounts: a link is mounted as what it leads to, under its own name") {
  const Host host;
  fs::create_directory_symlink(host.dir / "data", host.dir / "link");
  CHECK(test::Must(host.Resolve(host.dir / "link")) ==
        std::vector<Mount>{{host.dir / "data", host.dir / "link", false}});
  fs::create_directory_symlink(host.dir / "home", host.dir / "disguise");
  CHECK(host.Reason(host.dir / "disguise") == "MOUNT_EXPOSES_HOME");
}

TEST_CASE("ExtraMounts: the home directory and what holds it are refused") {
  const Host host;
  CHECK(host.Reason("~") == "MOUNT_EXPOSES_HOME");
  CHECK(host.Reason(host.dir.path()) == "MOUNT_EXPOSES_HOME");
  CHECK(host.Reason("/") == "MOUNT_EXPOSES_HOME");
}

TEST_CASE("ExtraMounts: what gives the host away is refused, and what holds it") {
  const Host host;
  for (const char* name : {"run", "run/ssh", "state", "home/.docker/run", "home/.docker"}) {
    INFO(name);
    CHECK(host.Reason(host.dir / name) == "MOUNT_OFF_LIMITS");
  }
  for (const char* name : {"engine.sock", "bus", "agent/sock"}) {
    INFO(name);
    test::WriteFile(host.dir / name, "");
    CHECK(host.Reason(host.dir / name) == "MOUNT_OFF_LIMITS");
  }
  CHECK(host.Reason(host.dir / "agent") == "MOUNT_OFF_LIMITS");
  for (const char* path : {"/proc", "/sys/kernel", "/dev", "/run"}) {
    INFO(path);
    CHECK(host.Reason(path) == "MOUNT_OFF_LIMITS");
  }
}

TEST_CASE("ExtraMounts: a socket is refused wherever it lies") {
  const Host host;
  const auto listener = ListenUnix(host.dir / "data/db.sock");
  REQUIRE(listener.ok());
  CHECK(host.Reason(host.dir / "data/db.sock") == "MOUNT_EXPOSES_SOCKET");
}

TEST_CASE("ExtraMounts: what does not exist is named") {
  const Host host;
  const absl::Status missing = host.Resolve("~/absent").status();
  CHECK(ReasonOf(missing) == "MOUNT_SOURCE_MISSING");
  CHECK_THAT(MessageOf(missing), Catch::Contains((host.dir / "home/absent").string()));
}

}  // namespace
}  // namespace workmux::daemon
