#include "daemon/sys/instance_id.h"

#include <sys/stat.h>

#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace workmux::daemon {
namespace {

TEST_CASE("InstanceId: made once for a state directory, and another one for another") {
  test::TempDir dir;
  std::filesystem::create_directories(dir / "a");
  std::filesystem::create_directories(dir / "b");
  const std::string id = test::Must(InstanceId(dir / "a"));
  CHECK(id.size() == 16);
  CHECK(id.find_first_not_of("0123456789abcdef") == std::string::npos);
  CHECK(test::Must(InstanceId(dir / "a")) == id);
  CHECK(test::Must(InstanceId(dir / "b")) != id);
  struct stat info {};
  REQUIRE(::stat((dir / "a/instance").c_str(), &info) == 0);
  CHECK((info.st_mode & 0777) == 0600);
}

TEST_CASE("InstanceId: a file with something else in it is refused and kept") {
  test::TempDir dir;
  for (const char* text : {"", "0123", "0123456789ABCDEF\n", "0123456789abcdef 0", "../../etc"}) {
    INFO(text);
    test::WriteFile(dir / "instance", text);
    const absl::Status refused = InstanceId(dir.path()).status();
    CHECK_CODE(refused, absl::StatusCode::kDataLoss);
    CHECK_FALSE(HintOf(refused).empty());
    CHECK(test::ReadWholeFile(dir / "instance") == text);
  }
  test::WriteFile(dir / "instance", "0123456789abcdef");
  CHECK(test::Must(InstanceId(dir.path())) == "0123456789abcdef");
}

TEST_CASE("InstanceId: what cannot be read or written is an error, not a new name") {
  test::TempDir dir;
  CHECK_FALSE(InstanceId(dir / "absent").ok());
  std::filesystem::create_directories(dir / "instance");
  CHECK_FALSE(InstanceId(dir.path()).ok());
  CHECK(std::filesystem::is_directory(dir / "instance"));
}

}  // namespace
}  // namespace workmux::daemon
