#include "daemon/domain/mount_sources.h"

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

}  // namespace workmux::daemon
