#include "common/io/file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <filesystem>

#include "tests/support/catch.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace workmux {
namespace {

namespace fs = std::filesystem;
using test::Must;
using test::TempDir;

mode_t ModeOf(const fs::path& path) {
  struct stat info {};
  REQUIRE(::stat(path.c_str(), &info) == 0);
  return info.st_mode & 07777;
}

TEST_CASE("WriteFileAtomically: replaces the content and leaves no temporary file", "[file]") {
  TempDir dir;
  REQUIRE_OK(WriteFileAtomically(dir / "f", "first"));
  REQUIRE_OK(WriteFileAtomically(dir / "f", "second"));
  CHECK(Must(ReadFile(dir / "f")) == "second");
  CHECK(ModeOf(dir / "f") == 0600);
  CHECK(std::distance(fs::directory_iterator(dir.path()), fs::directory_iterator()) == 1);
}

TEST_CASE("WriteFileAtomically: a failed write leaves the old content", "[file]") {
  TempDir dir;
  fs::create_directory(dir / "f");
  test::WriteFile(dir / "f" / "keep", "x");
  CHECK_FALSE(WriteFileAtomically(dir / "f", "new").ok());
  CHECK(Must(ReadFile(dir / "f" / "keep")) == "x");
  CHECK(std::distance(fs::directory_iterator(dir.path()), fs::directory_iterator()) == 1);
}

TEST_CASE("ReadFile: an absent file is not found, a large one is refused", "[file]") {
  TempDir dir;
  CHECK_CODE(ReadFile(dir / "none"), absl::StatusCode::kNotFound);
  test::WriteFile(dir / "f", "12345");
  CHECK_CODE(ReadFile(dir / "f", 4), absl::StatusCode::kResourceExhausted);
  CHECK(Must(ReadFile(dir / "f", 5)) == "12345");
}

TEST_CASE("ReadFile: does not wait for the writer of a FIFO", "[file]") {
  TempDir dir;
  REQUIRE(::mkfifo((dir / "fifo").c_str(), 0600) == 0);
  CHECK_CODE(ReadFile(dir / "fifo"), absl::StatusCode::kFailedPrecondition);
}

TEST_CASE("MakePrivateDirectory: makes missing parents, all of them private", "[file]") {
  TempDir dir;
  REQUIRE_OK(MakePrivateDirectory(dir / "a" / "b"));
  CHECK(ModeOf(dir / "a") == 0700);
  CHECK(ModeOf(dir / "a" / "b") == 0700);
  CHECK_OK(MakePrivateDirectory(dir / "a" / "b"));
}

TEST_CASE("MakePrivateDirectory: refuses what others can enter and what is a link", "[file]") {
  TempDir dir;
  fs::create_directory(dir / "open");
  fs::permissions(dir / "open", fs::perms{0755});
  CHECK_CODE(MakePrivateDirectory(dir / "open"), absl::StatusCode::kPermissionDenied);
  CHECK_FALSE(HintOf(MakePrivateDirectory(dir / "open")).empty());
  REQUIRE_OK(MakePrivateDirectory(dir / "real"));
  fs::create_directory_symlink(dir / "real", dir / "link");
  CHECK_CODE(MakePrivateDirectory(dir / "link"), absl::StatusCode::kFailedPrecondition);
}

TEST_CASE("ReadFileBeneath: reads below the root", "[file]") {
  TempDir dir;
  test::WriteFile(dir / "root" / "sub" / "f", "inside");
  CHECK(Must(ReadFileBeneath(dir / "root", "sub/f")) == "inside");
}

TEST_CASE("ReadFileBeneath: no link and no dot-dot leads out of the root", "[file][attack]") {
  TempDir dir;
  test::WriteFile(dir / "secret", "outside");
  fs::create_directories(dir / "root");
  fs::create_symlink(dir / "secret", dir / "root" / "file");
  fs::create_directory_symlink(dir.path(), dir / "root" / "up");
  fs::create_symlink("/proc/self/environ", dir / "root" / "magic");
  // The links do lead there: an ordinary read proves it.
  REQUIRE(Must(ReadFile(dir / "root" / "file")) == "outside");
  REQUIRE(Must(ReadFile(dir / "root" / "up" / "secret")) == "outside");
  for (const std::string& name :
       {std::string("file"), std::string("up/secret"), std::string("../secret"),
        std::string("magic"), (dir / "secret").string()}) {
    INFO(name);
    CHECK_FALSE(ReadFileBeneath(dir / "root", name).ok());
  }
}

TEST_CASE("ReadFileBeneath: neither a FIFO nor a device is read", "[file][attack]") {
  TempDir dir;
  REQUIRE(::mkfifo((dir / "fifo").c_str(), 0600) == 0);
  CHECK_CODE(ReadFileBeneath(dir.path(), "fifo"), absl::StatusCode::kFailedPrecondition);
  CHECK_CODE(ReadFileBeneath("/dev", "zero"), absl::StatusCode::kFailedPrecondition);
}

TEST_CASE("FileLock: a second holder is refused until the first lets go", "[file]") {
  TempDir dir;
  {
    const FileLock held = Must(FileLock::TryAcquire(dir / "lock"));
    CHECK_CODE(FileLock::TryAcquire(dir / "lock"), absl::StatusCode::kAborted);
  }
  CHECK_OK(FileLock::TryAcquire(dir / "lock"));
}

}  // namespace
}  // namespace workmux
