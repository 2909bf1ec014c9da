#include "daemon/domain/file_operations.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <fstream>

#include "common/base/status.h"
#include "common/io/tree.h"
#include "daemon/domain/file_copy.h"
#include "tests/fakes/fake_progress.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace workmux::daemon {
namespace {

namespace fs = std::filesystem;
using test::FakeProgress;
using test::ReadWholeFile;
using test::TempDir;
using test::WriteFile;

struct Files {
  Files() {
    fs::create_directories(dir / "repo");
    fs::create_directories(dir / "trees/x");
  }
  absl::Status Run(std::vector<std::string> copy, std::vector<std::string> link = {}) {
    FileOperations operations{
        dir / "repo", dir / "trees/x", copy, link, {dir / "repo/.worktrees/y"}, {}};
    return RunFileOperations(operations, progress, {});
  }
  fs::path In(const std::string& name) const { return dir / "repo" / name; }
  fs::path Out(const std::string& name) const { return dir / "trees/x" / name; }

  TempDir dir;
  FakeProgress progress;
};

TEST_CASE("files.copy: globs name files and directories", "[files]") {
  Files files;
  for (const char* name :
       {".env", ".env.local", "config/a.local", "config/deep/b.local", "a b,c:d'e", "dir/sub/x",
        "1.txt", "2.txt", "z.txt", "pkg/node_modules/n"}) {
    WriteFile(files.In(name), name);
  }
  REQUIRE_OK(files.Run({".env*", "**/*.local", "dir", "[12].tx?", "a b*", "absent", "*/absent/*"}));
  for (const char* name : {".env", ".env.local", "config/a.local", "config/deep/b.local",
                           "a b,c:d'e", "dir/sub/x", "1.txt", "2.txt"}) {
    INFO(name);
    CHECK(ReadWholeFile(files.Out(name)) == name);
  }
  CHECK_FALSE(fs::exists(files.Out("z.txt")));
  CHECK_FALSE(fs::exists(files.Out("pkg")));
}

TEST_CASE("files.copy: .git and other worktrees are left out", "[files]") {
  Files files;
  WriteFile(files.In(".git/config"), "x");
  WriteFile(files.In(".worktrees/y/.env"), "x");
  WriteFile(files.In("sub/.env"), "x");
  REQUIRE_OK(files.Run({"**/.env", ".git", "**/config"}));
  CHECK(fs::exists(files.Out("sub/.env")));
  CHECK_FALSE(fs::exists(files.Out(".worktrees/y/.env")));
  CHECK_FALSE(fs::exists(files.Out(".git")));
}

TEST_CASE("files.copy: mode and time stay, a file that is there is replaced", "[files]") {
  Files files;
  WriteFile(files.In("run.sh"), std::string(3u << 20, 'x'));
  REQUIRE(::chmod(files.In("run.sh").c_str(), 0750) == 0);
  fs::last_write_time(files.In("run.sh"), fs::file_time_type::clock::now() - std::chrono::hours(9));
  WriteFile(files.Out("run.sh"), "old");
  REQUIRE_OK(files.Run({"run.sh"}));
  CHECK(fs::file_size(files.Out("run.sh")) == (3u << 20));
  CHECK(fs::status(files.Out("run.sh")).permissions() == fs::perms(0750));
  CHECK(fs::last_write_time(files.Out("run.sh")) == fs::last_write_time(files.In("run.sh")));
}

TEST_CASE("files: patterns that leave the repository are refused", "[files][attack]") {
  Files files;
  WriteFile(files.dir / "secret", "s");
  for (const std::string& pattern :
       {(files.dir / "secret").string(), std::string("../secret"), std::string("a/../../secret"),
        std::string("~/x"), std::string("")}) {
    INFO(pattern);
    CHECK_CODE(files.Run({pattern}), absl::StatusCode::kInvalidArgument);
  }
}

TEST_CASE("files.copy: a link out of the repository is not followed", "[files][attack]") {
  Files files;
  WriteFile(files.dir / "secret/key", "s3cret");
  fs::create_symlink(files.dir / "secret/key", files.In("key"));
  fs::create_directory_symlink(files.dir / "secret", files.In("linked"));
  fs::create_directory(files.In("tree"));
  fs::create_symlink(files.dir / "secret/key", files.In("tree/key"));

  CHECK_OK(files.Run({"key", "tree"}));
  CHECK_FALSE(fs::exists(fs::symlink_status(files.Out("key"))));
  CHECK(files.progress.warnings.size() == 1);
  CHECK(fs::is_symlink(files.Out("tree/key")));
  CHECK_FALSE(files.Run({"linked/key"}).ok());
  CHECK_FALSE(fs::exists(files.Out("linked/key")));

  // The same copy by a program that follows links.
  fs::copy_file(files.In("linked/key"), files.dir / "stolen");
  CHECK(ReadWholeFile(files.dir / "stolen") == "s3cret");
}

TEST_CASE("files.copy: a link that stays in the repository is the file it means", "[files]") {
  Files files;
  WriteFile(files.In("shared/.env"), "e");
  fs::create_symlink("shared/.env", files.In(".env"));
  CHECK_OK(files.Run({".env"}));
  CHECK(fs::is_regular_file(fs::symlink_status(files.Out(".env"))));
  CHECK(ReadWholeFile(files.Out(".env")) == "e");
}

TEST_CASE("files.copy: nothing is written through a link of the worktree", "[files][attack]") {
  Files files;
  WriteFile(files.dir / "victim/key", "precious");
  WriteFile(files.In("key"), "evil");
  WriteFile(files.In("sub/key"), "evil");
  fs::create_symlink(files.dir / "victim/key", files.Out("key"));
  fs::create_directory_symlink(files.dir / "victim", files.Out("sub"));

  CHECK_FALSE(files.Run({"key"}).ok());
  CHECK_FALSE(files.Run({"sub/key"}).ok());
  CHECK_FALSE(files.Run({"sub"}).ok());
  CHECK(ReadWholeFile(files.dir / "victim/key") == "precious");

  fs::copy_file(files.In("key"), files.Out("sub/key"), fs::copy_options::overwrite_existing);
  CHECK(ReadWholeFile(files.dir / "victim/key") == "evil");
}

TEST_CASE("files.copy: sockets and FIFOs are left out and block nothing", "[files]") {
  Files files;
  WriteFile(files.In("dir/a"), "a");
  REQUIRE(::mkfifo(files.In("dir/fifo").c_str(), 0600) == 0);
  CHECK_OK(files.Run({"dir"}));
  CHECK(fs::exists(files.Out("dir/a")));
  CHECK_FALSE(fs::exists(files.Out("dir/fifo")));
}

TEST_CASE("files.symlink: links are relative and lead to the source", "[files]") {
  Files files;
  WriteFile(files.In("node_modules/m"), "m");
  WriteFile(files.In("deep/er/cache"), "c");
  REQUIRE_OK(files.Run({}, {"node_modules", "deep/er/cache"}));
  CHECK(fs::read_symlink(files.Out("node_modules")) == "../../repo/node_modules");
  CHECK(ReadWholeFile(files.Out("node_modules/m")) == "m");
  CHECK(ReadWholeFile(files.Out("deep/er/cache")) == "c");
  CHECK_OK(files.Run({}, {"node_modules"}));
}

TEST_CASE("files.symlink: what has content stays, and that is said", "[files]") {
  Files files;
  WriteFile(files.In("a"), "main");
  WriteFile(files.In("d/x"), "main");
  WriteFile(files.In("e/x"), "main");
  WriteFile(files.Out("a"), "mine");
  WriteFile(files.Out("d/y"), "mine");
  fs::create_directory(files.Out("e"));
  CHECK_OK(files.Run({}, {"a", "d", "e"}));
  CHECK(ReadWholeFile(files.Out("a")) == "mine");
  CHECK(ReadWholeFile(files.Out("d/y")) == "mine");
  CHECK(fs::is_symlink(files.Out("e")));
  CHECK(files.progress.warnings.size() == 2);
}

TEST_CASE("files: what is kept out comes in under no name", "[files]") {
  Files files;
  const std::string secret = "canary";
  WriteFile(files.In(".env"), secret);
  WriteFile(files.In("conf/secret"), secret);
  WriteFile(files.In("conf/plain"), "seen");
  fs::create_symlink(".env", files.In("alias"));
  fs::create_symlink("conf", files.In("linked-dir"));
  fs::create_hard_link(files.In(".env"), files.In("conf/twin"));
  const std::vector<fs::path> kept = {".env", "linked-dir/secret", "absent"};
  const std::vector<std::string> copy = {".env", "alias", "conf", "absent"};
  const std::vector<std::string> link = {".env", "conf/secret", "conf/twin"};
  FileOperations operations{files.dir / "repo", files.dir / "trees/x", copy, link, {}, {}};
  operations.kept_out = KeptOutFiles(files.dir / "repo", kept);
  REQUIRE_OK(RunFileOperations(operations, files.progress, {}));
  CHECK(ReadWholeFile(files.Out("conf/plain")) == "seen");
  for (const auto& entry : fs::recursive_directory_iterator(files.dir / "trees/x")) {
    INFO(entry.path());
    CHECK_FALSE(entry.is_symlink());
    if (entry.is_regular_file()) CHECK(ReadWholeFile(entry.path()) == "seen");
  }
  CHECK(files.progress.warnings.size() == 7);
  for (const std::string& warning : files.progress.warnings)
    CHECK_THAT(warning, Catch::Contains("excluded_files"));

  // Control: all of them come when nothing is kept out.
  REQUIRE_OK(files.Run(copy, {}));
  for (const char* name : {".env", "alias", "conf/secret", "conf/twin"})
    CHECK(ReadWholeFile(files.Out(name)) == secret);
}

TEST_CASE("files.copy: a sparse file takes no more room than it took", "[files]") {
  Files files;
  constexpr std::uintmax_t kHuge = std::uintmax_t{1} << 40;
  WriteFile(files.In("sparse"), "head");
  fs::resize_file(files.In("sparse"), kHuge);
  const int fd = ::open(files.In("sparse").c_str(), O_WRONLY | O_CLOEXEC);
  REQUIRE(::pwrite(fd, "middle", 6, off_t{1} << 39) == 6);
  ::close(fd);
  REQUIRE_OK(files.Run({"sparse"}));
  CHECK(fs::file_size(files.Out("sparse")) == kHuge);
  struct stat info {};
  REQUIRE(::stat(files.Out("sparse").c_str(), &info) == 0);
  CHECK(info.st_blocks * 512 < 1 << 20);
  std::ifstream copy(files.Out("sparse"));
  std::string text(6, ' ');
  copy.read(text.data(), 4);
  CHECK(text == "head  ");
  copy.seekg(off_t{1} << 39);
  copy.read(text.data(), 6);
  CHECK(text == "middle");
}

TEST_CASE("CopyFile: a file that tells no size is copied whole or not at all") {
  Files f;
  const UniqueFd to = test::Must(OpenDirectory(f.dir / "trees/x"));
  const auto copy = [&](const char* path) {
    const UniqueFd from(::open(path, O_RDONLY | O_CLOEXEC));
    REQUIRE(from.valid());
    return CopyFile(from.get(), to.get(), "copy");
  };
  REQUIRE_OK(copy("/proc/self/cmdline"));
  CHECK(ReadWholeFile(f.Out("copy")) == ReadWholeFile("/proc/self/cmdline"));
  fs::remove(f.Out("copy"));
  WriteFile(f.Out("copy"), "old");
  // Every second page is a mapping of its own, of some hundred bytes in the list.
  constexpr std::size_t kPage = 65536;
  constexpr std::size_t kPages = 8000;
  void* const pages = ::mmap(nullptr, kPage * kPages, PROT_NONE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  REQUIRE(pages != MAP_FAILED);
  for (std::size_t i = 0; i < kPages; i += 2)
    ::mprotect(static_cast<char*>(pages) + i * kPage, kPage, PROT_READ);
  const absl::Status copied = copy("/proc/self/smaps");
  ::munmap(pages, kPage * kPages);
  CHECK(ReasonOf(copied) == "FILE_WITHOUT_SIZE");
  CHECK_THAT(MessageOf(copied), Catch::Contains("copy: "));
  CHECK(ReadWholeFile(f.Out("copy")) == "old");
  CHECK(std::distance(fs::directory_iterator(f.dir / "trees/x"), {}) == 1);
}

}  // namespace
}  // namespace workmux::daemon
