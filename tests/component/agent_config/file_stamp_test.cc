#include "daemon/agent_config/file_stamp.h"

#include "common/io/tree.h"
#include "tests/component/agent_config/agent_world.h"
#include "tests/support/catch.h"

namespace workmux::daemon {
namespace {

namespace fs = std::filesystem;
using test::Must;
using test::ReadWholeFile;
using test::WriteFile;

}  // namespace

TEST_CASE("ExchangeEntry: what somebody wrote, made or deleted meanwhile is left as it is") {
  test::TempDir dir;
  const UniqueFd to = Must(OpenDirectory(dir.path()));
  const std::string state = GENERATE("written", "replaced", "made", "deleted", "a link");
  INFO(state);
  if (state != "made") WriteFile(dir / "f", "old");
  const FileStamp expected = Must(StampEntry(to.get(), "f"));
  if (state == "written") WriteFile(dir / "f", "theirs");
  if (state == "replaced" || state == "made") {
    WriteFile(dir / "new", "theirs");
    fs::rename(dir / "new", dir / "f");
  }
  if (state == "deleted" || state == "a link") fs::remove(dir / "f");
  if (state == "a link") fs::create_symlink("theirs", dir / "f");
  CHECK_CODE(ExchangeEntry(to.get(), to.get(), "f", "ours", 0600, expected),
             absl::StatusCode::kAborted);
  if (state == "deleted") {
    CHECK(fs::is_empty(dir.path()));
  } else if (state == "a link") {
    CHECK(fs::read_symlink(dir / "f") == "theirs");
  } else {
    CHECK(ReadWholeFile(dir / "f") == "theirs");
    CHECK(std::distance(fs::directory_iterator(dir.path()), {}) == 1);
  }
}

TEST_CASE("ExchangeEntry: over what was expected, or where nothing was") {
  test::TempDir dir;
  const UniqueFd to = Must(OpenDirectory(dir.path()));
  if (GENERATE(true, false)) WriteFile(dir / "f", "old");
  const FileStamp expected = Must(StampEntry(to.get(), "f"));
  REQUIRE_OK(ExchangeEntry(to.get(), to.get(), "f", "ours", 0600, expected));
  CHECK(ReadWholeFile(dir / "f") == "ours");
  CHECK(std::distance(fs::directory_iterator(dir.path()), {}) == 1);
}

}  // namespace workmux::daemon
