#include "daemon/domain/mask_guard.h"

#include <fcntl.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <string>

#include "daemon/async/thread_pool.h"
#include "tests/fakes/manual_executor.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"
#include "tests/support/wait_until.h"

namespace workmux::daemon {
namespace {

namespace fs = std::filesystem;

// Files that have a mask, below a directory of their own.
struct Fixture {
  test::TempDir dir;
  const fs::path file = dir.path() / "project/.env";
  EventLoop loop;
  ThreadPool pool{"mask", 1, 4};
  Mutex mu;
  std::vector<fs::path> told WM_GUARDED_BY(mu);

  Fixture() { test::WriteFile(file, "old"); }

  std::unique_ptr<MaskGuard> Watch(const std::vector<fs::path>& paths) {
    return test::Must(MaskGuard::Watch(loop, pool, test::Must(LookAtMasked(paths)),
                                       [this](const fs::path& path) { Tell(path); }));
  }
  void Tell(const fs::path& path) {
    MutexLock lock(mu);
    told.push_back(path);
  }
  std::vector<fs::path> Told() {
    MutexLock lock(mu);
    return told;
  }
  bool TellsOf(const fs::path& path) {
    return test::WaitUntil([&] { return !Told().empty(); }) && Told().front() == path;
  }
};

// As an editor saves.
void RenameOver(const fs::path& file, const std::string& content) {
  const fs::path fresh = file.parent_path() / "fresh";
  test::WriteFile(fresh, content);
  fs::rename(fresh, file);
}

}  // namespace

TEST_CASE("MaskGuard: a file that is renamed over is told") {
  Fixture f;
  const auto guard = f.Watch({f.file});
  RenameOver(f.file, "new");
  CHECK(f.TellsOf(f.file));
}

TEST_CASE("MaskGuard: a file that is removed is told") {
  Fixture f;
  const auto guard = f.Watch({f.file});
  fs::remove(f.file);
  CHECK(f.TellsOf(f.file));
}

TEST_CASE("MaskGuard: a file that is removed and made anew is told") {
  Fixture f;
  const auto guard = f.Watch({f.file});
  fs::remove(f.file);
  test::WriteFile(f.file, "new");
  CHECK(f.TellsOf(f.file));
}

TEST_CASE("MaskGuard: a file that is moved away is told, and one in its directory that goes") {
  Fixture f;
  const fs::path second = f.file.parent_path() / "second";
  test::WriteFile(second, "x");
  const auto guard = f.Watch({f.file, second});
  fs::rename(second, f.dir.path() / "elsewhere");
  CHECK(f.TellsOf(second));
}

TEST_CASE("MaskGuard: a directory that is renamed takes its file along, and is told") {
  Fixture f;
  const auto guard = f.Watch({f.file});
  fs::rename(f.file.parent_path(), f.dir.path() / "other");
  CHECK(f.TellsOf(f.file));
}

TEST_CASE("MaskGuard: a file put in the place of a removed directory's is told") {
  Fixture f;
  const auto guard = f.Watch({f.file});
  fs::rename(f.file.parent_path(), f.dir.path() / "other");
  test::WriteFile(f.file, "new");
  CHECK(f.TellsOf(f.file));
}

TEST_CASE("MaskGuard: writing in place and what happens to other files is not told") {
  Fixture f;
  const auto guard = f.Watch({f.file});
  for (int i = 0; i < 100; ++i) {
    std::ofstream(f.file, std::ios::app) << "more";
    RenameOver(f.file.parent_path() / "neighbour", "x");
  }
  fs::permissions(f.file, fs::perms::owner_read);
  // What comes last is told, so everything before it has been looked at by then.
  fs::remove(f.file);
  CHECK(f.TellsOf(f.file));
  CHECK(f.Told().size() == 1);
}

TEST_CASE("MaskGuard: a replacement is found after any number of events that are none") {
  Fixture f;
  const auto guard = f.Watch({f.file});
  // More than one read of the queue holds.
  for (int i = 0; i < 3000; ++i) RenameOver(f.file.parent_path() / "neighbour", "x");
  CHECK(f.Told().empty());
  RenameOver(f.file, "new");
  CHECK(f.TellsOf(f.file));
}

TEST_CASE("MaskGuard: what was replaced before the watch began is told") {
  Fixture f;
  const auto before = test::Must(LookAtMasked(std::vector<fs::path>{f.file}));
  fs::remove(f.file);  // whose inode number the new one may get
  test::WriteFile(f.file, "new");
  const auto guard = test::Must(
      MaskGuard::Watch(f.loop, f.pool, before, [&](const fs::path& path) { f.Tell(path); }));
  CHECK(f.TellsOf(f.file));
}

TEST_CASE("MaskGuard: files that are made anew with the same inode number are told apart") {
  Fixture f;
  const auto guard = f.Watch({f.file});
  const auto before = test::Must(LookAtMasked(std::vector{f.file})).front();
  for (int i = 0; i < 100; ++i) {
    fs::remove(f.file);
    test::WriteFile(f.file, "new");
    CHECK_FALSE(IsStillThere(before));
  }
  CHECK(f.TellsOf(f.file));
}

TEST_CASE("MaskedFile: a record is read as it was written, with any path") {
  const std::vector<MaskedFile> files = {{"/a/.env", 1, ~ino_t{0}, 1'700'000'000'123'456'789},
                                         {"/b 1 2/ .env ", ~dev_t{0}, 7, 0}};
  CHECK(test::Must(MasksFromText(MasksToText(files))) == files);
  CHECK(test::Must(MasksFromText("")).empty());
  // Without a time of birth, as an older daemon left it.
  CHECK(test::Must(MasksFromText("1 2 /a b")) == std::vector<MaskedFile>{{"/a b", 1, 2, 0}});
  for (const char* damaged : {"1 /a", "1 2 3 4 /a", "x 2 /a", "1 2", "\n"})
    CHECK_CODE(MasksFromText(damaged), absl::StatusCode::kDataLoss);
}

TEST_CASE("MaskGuard: it tells once, however often the file is replaced") {
  Fixture f;
  const auto guard = f.Watch({f.file});
  for (int i = 0; i < 200; ++i) RenameOver(f.file, std::to_string(i));
  CHECK(f.TellsOf(f.file));
  for (int i = 0; i < 200; ++i) RenameOver(f.file, std::to_string(i));
  f.pool.Drain();
  CHECK(f.Told().size() == 1);
}

TEST_CASE("MaskGuard: no call begins once it is gone") {
  Fixture f;
  test::ManualExecutor executor;
  auto guard =
      test::Must(MaskGuard::Watch(f.loop, executor, test::Must(LookAtMasked(std::vector{f.file})),
                                  [&](const fs::path& path) { f.Tell(path); }));
  executor.RunAll();
  fs::remove(f.file);
  // The event has become a job that waits.
  REQUIRE(test::WaitUntil([&] { return executor.waiting() > 0; }));
  guard.reset();
  executor.RunAll();
  CHECK(f.Told().empty());
}

TEST_CASE("MaskGuard: it can be ended in the middle of everything") {
  Fixture f;
  std::atomic<bool> stop{false};
  std::thread saver([&] {
    for (int i = 0; !stop; ++i) RenameOver(f.file, std::to_string(i));
  });
  for (int i = 0; i < 60; ++i) {
    // The file may be away for the moment in which its directory entry changes.
    const auto files = LookAtMasked(std::vector{f.file});
    if (!files.ok()) continue;
    const auto guard = test::Must(
        MaskGuard::Watch(f.loop, f.pool, *files, [&](const fs::path& path) { f.Tell(path); }));
  }
  stop = true;
  saver.join();
  f.pool.Drain();
  CHECK(f.Told().size() <= 60);
}

TEST_CASE("MaskGuard: a directory that cannot be watched is an error") {
  Fixture f;
  auto files = test::Must(LookAtMasked(std::vector{f.file}));
  files.front().path = f.dir.path() / "nowhere/.env";
  const auto guard = MaskGuard::Watch(f.loop, f.pool, files, [](const fs::path&) {});
  CHECK(ReasonOf(guard.status()) == "WATCH_FAILED");
  CHECK_FALSE(HintOf(guard.status()).empty());
}

}  // namespace workmux::daemon
