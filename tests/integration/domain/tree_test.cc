#include "common/io/tree.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace workmux {
namespace {

namespace fs = std::filesystem;
using test::TempDir;
using test::WriteFile;

TEST_CASE("RemoveTree: takes everything below and nothing a link means", "[tree]") {
  TempDir dir;
  WriteFile(dir / "victim/a", "a");
  WriteFile(dir / "t/x/y/z", "z");
  fs::create_directory_symlink(dir / "victim", dir / "t/x/link");
  REQUIRE_OK(RemoveTree(dir.path(), "t"));
  CHECK_FALSE(fs::exists(dir / "t"));
  CHECK(fs::exists(dir / "victim/a"));
  fs::create_directory_symlink(dir / "victim", dir / "t");
  REQUIRE_OK(RemoveTree(dir.path(), "t"));
  CHECK(fs::exists(dir / "victim/a"));
  CHECK_OK(RemoveTree(dir.path(), "absent"));
}

TEST_CASE("RemoveTree: depth and missing permissions do not stop it", "[tree]") {
  TempDir dir;
  fs::create_directory(dir / "t");
  // Deeper than PATH_MAX allows to name.
  {
    UniqueFd at(test::Must(OpenDirectory(dir / "t")));
    for (int i = 0; i < 3000; ++i) {
      at = test::Must(MakeDirectoriesAt(at.get(), "dd", 0755));
    }
  }
  WriteFile(dir / "t/locked/a", "a");
  REQUIRE(::chmod((dir / "t/locked").c_str(), 0) == 0);
  REQUIRE_OK(RemoveTree(dir.path(), "t"));
  CHECK_FALSE(fs::exists(dir / "t"));
}

TEST_CASE("RemoveTree: what may be growing is not removed for ever", "[tree]") {
  TempDir dir;
  fs::create_directory(dir / "t");
  // More rounds of 64 levels than one call takes; somebody who keeps adding levels
  // looks the same.
  {
    UniqueFd at(test::Must(OpenDirectory(dir / "t")));
    for (int i = 0; i < 70'000; ++i) {
      ::mkdirat(at.get(), "d", 0700);
      at = UniqueFd(::openat(at.get(), "d", O_PATH | O_DIRECTORY | O_CLOEXEC));
    }
    REQUIRE(at.valid());
  }
  CHECK_CODE(RemoveTree(dir.path(), "t"), absl::StatusCode::kAborted);
  CHECK(fs::exists(dir / "t"));
  // What it did is done.
  CHECK_OK(RemoveTree(dir.path(), "t"));
  CHECK_FALSE(fs::exists(dir / "t"));
}

TEST_CASE("RemoveTree: a name with a way in it is refused", "[tree]") {
  TempDir dir;
  for (const char* name : {"", ".", "..", "a/b"}) {
    CHECK_CODE(RemoveTree(dir.path(), name), absl::StatusCode::kInvalidArgument);
  }
}

TEST_CASE("MakeDirectoriesAt: a link on the way is refused", "[tree]") {
  TempDir dir;
  fs::create_directories(dir / "root");
  fs::create_directories(dir / "victim");
  fs::create_directory_symlink(dir / "victim", dir / "root/a");
  const UniqueFd root = test::Must(OpenDirectory(dir / "root"));
  CHECK_FALSE(MakeDirectoriesAt(root.get(), "a/b", 0755).ok());
  CHECK_FALSE(MakeDirectoriesAt(root.get(), "../b", 0755).ok());
  CHECK_FALSE(fs::exists(dir / "victim/b"));
}

}  // namespace
}  // namespace workmux
