#include "daemon/agent_config/file_stamp.h"

#include <stdio.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "common/io/tree.h"
#include "daemon/agent_config/discarded.h"
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

TEST_CASE("Entries: what lies at a name that was temporary once is in nobody's way", "[attack]") {
  test::TempDir dir;
  fs::create_directories(dir / "scratch/.workmux-new/full");
  fs::create_directories(dir / "to");
  const UniqueFd scratch = Must(OpenDirectory(dir / "scratch"));
  const UniqueFd to = Must(OpenDirectory(dir / "to"));
  REQUIRE_OK(
      ExchangeEntry(scratch.get(), to.get(), "f", "ours", 0600, Must(StampEntry(to.get(), "f"))));
  REQUIRE_OK(ReplaceEntry(scratch.get(), dir / "gone", to.get(), "g", "ours", 0600));
  CHECK(ReadWholeFile(dir / "to/f") == "ours");
  CHECK(ReadWholeFile(dir / "to/g") == "ours");
}

TEST_CASE("ExchangeEntry: a guest that makes and deletes the entry all the time wedges nothing",
          "[attack]") {
  test::TempDir dir;
  for (const char* name : {"scratch", "to", "spare/full"}) fs::create_directories(dir / name);
  const UniqueFd scratch = Must(OpenDirectory(dir / "scratch"));
  const UniqueFd to = Must(OpenDirectory(dir / "to"));
  std::atomic<bool> stop{false};
  std::thread guest([&] {
    const fs::path f = dir / "to/f";
    const fs::path spare = dir / "spare";
    while (!stop) {
      WriteFile(dir / "plain", "theirs");
      ::rename((dir / "plain").c_str(), f.c_str());
      ::renameat2(AT_FDCWD, spare.c_str(), AT_FDCWD, f.c_str(), RENAME_EXCHANGE);
      ::unlink(spare.c_str());
      ::rename(f.c_str(), spare.c_str());
      ::unlink(f.c_str());
    }
  });
  int left = 0;
  for (int i = 0; i < 3000; ++i) {
    const FileStamp expected = Must(StampEntry(to.get(), "f"));
    if (expected.kind == FileStamp::Kind::kOther) continue;
    const absl::Status done = ExchangeEntry(scratch.get(), to.get(), "f", "ours", 0600, expected);
    // What could not be put back in twenty attempts is told, and nothing else stays.
    if (!done.ok() && !absl::IsAborted(done)) ++left;
  }
  stop = true;
  guest.join();
  CHECK(std::distance(fs::directory_iterator(dir / "scratch"), {}) == left);
  fs::remove_all(dir / "to/f");
  CHECK_OK(
      ExchangeEntry(scratch.get(), to.get(), "f", "ours", 0600, Must(StampEntry(to.get(), "f"))));
}

TEST_CASE("ReplaceEntry: a directory in the way is moved aside, not deleted", "[attack]") {
  test::TempDir dir;
  fs::create_directories(dir / "scratch");
  WriteFile(dir / "to/f/deep/a", "a");
  // Without the right to write to it, it cannot be moved elsewhere either.
  fs::permissions(dir / "to/f", fs::perms::none);
  const UniqueFd scratch = Must(OpenDirectory(dir / "scratch"));
  const UniqueFd to = Must(OpenDirectory(dir / "to"));
  CHECK_FALSE(HasDiscarded(dir / "gone"));
  REQUIRE_OK(ReplaceEntry(scratch.get(), dir / "gone", to.get(), "f", "ours", 0600));
  CHECK(ReadWholeFile(dir / "to/f") == "ours");
  CHECK(fs::is_empty(dir / "scratch"));
  REQUIRE(HasDiscarded(dir / "gone"));
  CHECK(fs::exists(fs::directory_iterator(dir / "gone")->path() / "deep/a"));
  CHECK_OK(DeleteDiscarded(dir / "gone"));
  CHECK_FALSE(HasDiscarded(dir / "gone"));
}

}  // namespace workmux::daemon
