#include "daemon/adapters/container/start_gate.h"

#include <sys/stat.h>

#include <atomic>
#include <fstream>
#include <thread>

#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace workmux::daemon {
namespace {

namespace fs = std::filesystem;

constexpr char kName[] = "wm-docs-1a2b";

// As the engine's client does.
bool Pass(const StartGate::Files& files, const std::string& id) {
  std::ofstream file(files.id);
  file << id;
  return file.good();
}

}  // namespace

TEST_CASE("StartGate: a client passes while it is open and not afterwards") {
  const test::TempDir dir;
  const StartGate gate(dir / "start");
  const StartGate::Files files = test::Must(gate.Open(kName));
  CHECK(gate.IsWaiting(kName));
  CHECK_FALSE(gate.Find(kName).has_value());
  REQUIRE(Pass(files, "0123456789abcdef\n"));
  CHECK_FALSE(gate.IsWaiting(kName));
  // Made, and not started yet.
  CHECK_FALSE(gate.Find(kName).has_value());
  test::WriteFile(files.pid, "4711");
  REQUIRE(gate.Find(kName).has_value());
  CHECK(gate.Find(kName)->container == "0123456789abcdef");
  CHECK(gate.Find(kName)->pid == 4711);

  CHECK_OK(gate.Shut(kName));
  CHECK_OK(gate.Shut(kName));
  CHECK_FALSE(Pass(files, "0123456789abcdef"));
  CHECK_FALSE(gate.IsWaiting(kName));
  CHECK_FALSE(gate.Find(kName).has_value());
  CHECK(fs::is_empty(dir / "start"));
}

TEST_CASE("StartGate: it stays as it is across daemons, and is nobody else's to see") {
  const test::TempDir dir;
  const StartGate::Files files = test::Must(StartGate(dir / "start").Open(kName));
  const StartGate next(dir / "start");
  CHECK(next.IsWaiting(kName));
  CHECK_CODE(next.Open(kName), absl::StatusCode::kAlreadyExists);
  struct stat info {};
  REQUIRE(::stat(files.id.parent_path().c_str(), &info) == 0);
  CHECK((info.st_mode & 0777) == 0700);
  CHECK_OK(next.Shut(kName));
  CHECK_FALSE(Pass(files, "id"));
}

TEST_CASE("StartGate: whoever comes while it is being shut has passed or never will") {
  const test::TempDir dir;
  const StartGate gate(dir / "start");
  for (int i = 0; i < 300; ++i) {
    const std::string name = kName + std::to_string(i);
    const StartGate::Files files = test::Must(gate.Open(name));
    std::atomic<bool> go = false;
    std::thread client([&] {
      while (!go) {
      }
      Pass(files, "id");
    });
    go = true;
    CHECK_OK(gate.Shut(name));
    client.join();
    CHECK_FALSE(fs::exists(files.id.parent_path()));
  }
}

TEST_CASE("StartGate: a name that is a path opens nothing and removes nothing") {
  const test::TempDir dir;
  const StartGate gate(dir / "start");
  test::WriteFile(dir / "id", "kept");
  for (const char* name : {"..", ".", "", "../x", "a/b"}) {
    INFO(name);
    CHECK_CODE(gate.Open(name), absl::StatusCode::kInvalidArgument);
    CHECK_OK(gate.Shut(name));
    CHECK_FALSE(gate.IsWaiting(name));
    CHECK_FALSE(gate.Find(name).has_value());
  }
  CHECK(test::ReadWholeFile(dir / "id") == "kept");
}

TEST_CASE("StartGate: what is no process's number is none") {
  const test::TempDir dir;
  const StartGate gate(dir / "start");
  const StartGate::Files files = test::Must(gate.Open(kName));
  test::WriteFile(files.id, "0123456789abcdef");
  for (const char* pid : {"", "0", "1", "-1", "12x", "nonsense"}) {
    INFO(pid);
    test::WriteFile(files.pid, pid);
    CHECK_FALSE(gate.Find(kName).has_value());
  }
  test::WriteFile(files.pid, "12\n");
  CHECK(gate.Find(kName)->pid == 12);
}

}  // namespace workmux::daemon
