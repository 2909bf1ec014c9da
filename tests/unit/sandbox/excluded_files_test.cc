#include "daemon/domain/excluded_files.h"

#include <filesystem>

#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace workmux::daemon {
namespace {

namespace fs = std::filesystem;
using Paths = std::vector<fs::path>;

struct Checkouts {
  Checkouts() {
    fs::create_directories(dir / "main/config");
    fs::create_directories(dir / "tree/config");
    worktree.repository = {dir / "main/.git", dir / "main"};
    worktree.path = dir / "tree";
  }
  absl::StatusOr<ExcludedFiles> Find(const Paths& paths) const {
    return FindExcludedFiles(paths, worktree);
  }

  test::TempDir dir;
  Worktree worktree;
};

TEST_CASE("ExcludedFiles: a file is hidden in the worktree and in the main one") {
  const Checkouts c;
  test::WriteFile(c.dir / "main/.env", "secret");
  test::WriteFile(c.dir / "tree/.env", "secret");
  const ExcludedFiles found = test::Must(c.Find({".env"}));
  CHECK(found.files == Paths{c.dir / "tree/.env", c.dir / "main/.env"});
  CHECK(found.warnings.empty());
}

TEST_CASE("ExcludedFiles: a link into the main worktree hides what it leads to") {
  const Checkouts c;
  test::WriteFile(c.dir / "main/.env", "secret");
  fs::create_symlink(c.dir / "main/.env", c.dir / "tree/.env");
  CHECK(test::Must(c.Find({".env"})).files == Paths{c.dir / "main/.env"});
  fs::create_symlink(c.dir / "main/config", c.dir / "tree/linked");
  test::WriteFile(c.dir / "main/config/key", "secret");
  CHECK(test::Must(c.Find({"linked/key"})).files == Paths{c.dir / "main/config/key"});
}

TEST_CASE("ExcludedFiles: what is absent is warned about, a link to nowhere is absent") {
  const Checkouts c;
  fs::create_symlink("/nowhere/at/all", c.dir / "tree/dangling");
  const ExcludedFiles found = test::Must(c.Find({".env", "dangling"}));
  CHECK(found.files.empty());
  REQUIRE(found.warnings.size() == 2);
  CHECK_THAT(found.warnings[0], Catch::Contains(".env: does not exist"));
}

TEST_CASE("ExcludedFiles: a file with a second name is warned about") {
  const Checkouts c;
  test::WriteFile(c.dir / "tree/.env", "secret");
  fs::create_hard_link(c.dir / "tree/.env", c.dir / "tree/copy");
  const ExcludedFiles found = test::Must(c.Find({".env"}));
  CHECK(found.files == Paths{c.dir / "tree/.env"});
  REQUIRE(found.warnings.size() == 1);
  CHECK_THAT(found.warnings[0], Catch::Contains("another name"));
}

TEST_CASE("ExcludedFiles: what cannot be hidden stops the start") {
  const Checkouts c;
  CHECK(ReasonOf(c.Find({"config"}).status()) == "EXCLUDED_FILE_INVALID");
  fs::create_symlink("loop", c.dir / "tree/loop");
  CHECK_FALSE(c.Find({"loop"}).ok());
}

}  // namespace
}  // namespace workmux::daemon
