#include "daemon/adapters/container/runtime_traits.h"

#include <filesystem>

#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace workmux::daemon {
namespace {

// A PATH in which these programs are found.
struct Programs {
  explicit Programs(std::initializer_list<const char*> names) {
    for (const char* name : names) {
      test::WriteFile(dir / name, "#!/bin/sh\n");
      std::filesystem::permissions(dir / name, std::filesystem::perms::owner_all);
    }
    env["PATH"] = "relative::/nowhere:" + dir.path().string();
  }
  test::TempDir dir;
  Env env;
};

TEST_CASE("RuntimeTraits: Docker before Podman, and Docker is named when there is none") {
  CHECK(DefaultRuntime(Programs({"docker", "podman"}).env, false) == "docker");
  CHECK(DefaultRuntime(Programs({"podman"}).env, false) == "podman");
  CHECK(DefaultRuntime(Programs({}).env, false) == "docker");
  CHECK(DefaultRuntime({}, false) == "docker");
}

TEST_CASE("RuntimeTraits: Apple Container comes first on macOS and is not looked for elsewhere") {
  const Programs all({"container", "docker", "podman"});
  CHECK(DefaultRuntime(all.env, true) == "apple-container");
  CHECK(DefaultRuntime(all.env, false) == "docker");
  CHECK(DefaultRuntime(Programs({"container"}).env, false) == "docker");
  CHECK(DefaultRuntime(Programs({"docker"}).env, true) == "docker");
}

TEST_CASE("RuntimeTraits: a file that cannot be executed is no runtime") {
  const Programs programs({"podman"});
  test::WriteFile(programs.dir / "docker", "");
  CHECK(DefaultRuntime(programs.env, false) == "podman");
}

}  // namespace
}  // namespace workmux::daemon
