#include "daemon/domain/mount_sources.h"

#include <sys/stat.h>

#include "common/base/format.h"
#include "daemon/domain/mount_plan.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace workmux::daemon {
namespace {

namespace fs = std::filesystem;

struct Host {
  test::TempDir dir;
  fs::path root = fs::canonical(dir.path());
  fs::path source = root / "tree/source";

  Host() {
    fs::create_directories(source);
    fs::create_directories(root / "secret/source");
  }
  std::vector<Mount> mounts() const { return {{source, "/mnt", true}}; }
};

}  // namespace

TEST_CASE("MountSources: what stays as it was is no error") {
  const Host host;
  test::WriteFile(host.source / "new", "x");
  const MountSources sources = test::Must(MountSources::Record(host.mounts()));
  test::WriteFile(host.source / "newer", "x");
  CHECK_OK(sources.CheckUnchanged());
}

TEST_CASE("MountSources: a source that is missing, or a link, is refused at once") {
  const Host host;
  fs::remove(host.source);
  CHECK(ReasonOf(MountSources::Record(host.mounts()).status()) == "MOUNT_SOURCE_MISSING");
  fs::create_symlink(host.root / "secret", host.source);
  CHECK(ReasonOf(MountSources::Record(host.mounts()).status()) == "MOUNT_SOURCE_CHANGED");
}

TEST_CASE("MountSources: whatever takes a source's place is noticed") {
  const Host host;
  const MountSources sources = test::Must(MountSources::Record(host.mounts()));
  SECTION("a link") {
    fs::rename(host.source, host.root / "old");
    fs::create_symlink(host.root / "secret/source", host.source);
    CHECK(ReasonOf(sources.CheckUnchanged()) == "MOUNT_SOURCE_CHANGED");
  }
  SECTION("a link above it") {
    fs::rename(host.root / "tree", host.root / "old");
    fs::create_symlink(host.root / "secret", host.root / "tree");
    CHECK(ReasonOf(sources.CheckUnchanged()) == "MOUNT_SOURCE_CHANGED");
  }
  SECTION("another directory") {
    fs::rename(host.source, host.root / "old");
    fs::create_directory(host.source);
    CHECK(ReasonOf(sources.CheckUnchanged()) == "MOUNT_SOURCE_CHANGED");
  }
  SECTION("nothing") {
    fs::remove(host.source);
    CHECK(ReasonOf(sources.CheckUnchanged()) == "MOUNT_SOURCE_MISSING");
  }
}

TEST_CASE("MountSources: the command is started by a program that knows what has to be mounted") {
  const Host host;
  SandboxSpec spec;
  spec.argv = {"make", "all"};
  spec.mounts = host.mounts();
  test::Must(MountSources::Record(spec.mounts)).GuardStart(spec);
  CHECK(spec.argv == std::vector<std::string>{"make", "all"});

  fs::create_directories(host.root / "guest");
  spec.mounts.push_back({host.root / "guest", kGuestBinDir, false});
  test::Must(MountSources::Record(spec.mounts)).GuardStart(spec);
  CHECK(spec.argv == std::vector<std::string>{"/run/workmux/bin/workmux", "enter", "make", "all"});
  const auto describe = [](const fs::path& source, const char* target) {
    struct stat info {};
    REQUIRE(::stat(source.c_str(), &info) == 0);
    return Format("{}:{}:{}", info.st_dev, info.st_ino, target);
  };
  const std::string guest = describe(host.root / "guest", kGuestBinDir);
  CHECK(spec.env.at("WM_MOUNTS") == guest + "\t" + describe(host.source, "/mnt") + "\t" + guest);
}

}  // namespace workmux::daemon
