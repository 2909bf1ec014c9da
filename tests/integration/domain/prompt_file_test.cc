#include "daemon/domain/prompt_file.h"

#include <sys/stat.h>

#include <fstream>
#include <thread>
#include <vector>

#include "common/base/status.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace workmux::daemon {
namespace {

namespace fs = std::filesystem;
using test::Must;
using test::ReadWholeFile;
using test::TempDir;

Worktree In(const TempDir& dir) {
  fs::create_directories(dir / "w");
  fs::create_directories(dir / "common");
  Worktree worktree;
  worktree.repository.common_dir = dir / "common";
  worktree.path = dir / "w";
  worktree.branch = "feature/x";
  return worktree;
}

// What a program does that does not look where it writes.
void WriteFollowingLinks(const fs::path& path, std::string_view text) {
  std::ofstream(path) << text;
}

TEST_CASE("WritePromptFile: any bytes arrive as they are", "[prompt]") {
  TempDir dir;
  const Worktree worktree = In(dir);
  for (const std::string& prompt :
       {std::string("-rf /\r\nline\r\n"), std::string("\0\xff", 2), std::string(5u << 20, 'x')}) {
    const fs::path file = Must(WritePromptFile(worktree, prompt));
    CHECK(file == ".workmux/PROMPT-feature-x.md");
    CHECK(ReadWholeFile(worktree.path / file) == prompt);
  }
  CHECK_CODE(WritePromptFile(worktree, std::string((5u << 20) + 1, 'x')),
             absl::StatusCode::kResourceExhausted);
}

TEST_CASE("WritePromptFile: a linked directory is refused", "[prompt][attack]") {
  TempDir dir;
  const Worktree worktree = In(dir);
  fs::create_directories(dir / "victim");
  fs::create_directory_symlink(dir / "victim", worktree.path / ".workmux");

  CHECK(ReasonOf(WritePromptFile(worktree, "evil").status()) == "UNSAFE_PROMPT_DIRECTORY");
  CHECK(fs::is_empty(dir / "victim"));

  WriteFollowingLinks(worktree.path / ".workmux/PROMPT-feature-x.md", "evil");
  CHECK_FALSE(fs::is_empty(dir / "victim"));
}

TEST_CASE("WritePromptFile: a linked file is replaced, not written through", "[prompt][attack]") {
  TempDir dir;
  const Worktree worktree = In(dir);
  test::WriteFile(dir / "victim", "precious");
  const fs::path file = worktree.path / ".workmux/PROMPT-feature-x.md";
  fs::create_directories(file.parent_path());
  fs::create_symlink(dir / "victim", file);

  CHECK_OK(WritePromptFile(worktree, "evil"));
  CHECK(ReadWholeFile(dir / "victim") == "precious");
  CHECK(ReadWholeFile(file) == "evil");

  fs::remove(file);
  fs::create_symlink(dir / "victim", file);
  WriteFollowingLinks(file, "evil");
  CHECK(ReadWholeFile(dir / "victim") == "evil");
}

TEST_CASE("WritePromptFile: a FIFO does not block it", "[prompt][attack]") {
  TempDir dir;
  const Worktree worktree = In(dir);
  const fs::path file = worktree.path / ".workmux/PROMPT-feature-x.md";
  fs::create_directories(file.parent_path());
  REQUIRE(::mkfifo(file.c_str(), 0600) == 0);
  CHECK_OK(WritePromptFile(worktree, "text"));
  CHECK(ReadWholeFile(file) == "text");
}

TEST_CASE("ExcludeWorkmuxDirectory: one line, however often and from wherever", "[prompt]") {
  TempDir dir;
  const Worktree worktree = In(dir);
  test::WriteFile(dir / "common/info/exclude", "*.o");
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] { static_cast<void>(ExcludeWorkmuxDirectory(worktree.repository)); });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(ReadWholeFile(dir / "common/info/exclude") == "*.o\n.workmux/\n");
}

TEST_CASE("ExcludeWorkmuxDirectory: makes the file when there is none", "[prompt]") {
  TempDir dir;
  const Worktree worktree = In(dir);
  CHECK_OK(ExcludeWorkmuxDirectory(worktree.repository));
  CHECK(ReadWholeFile(dir / "common/info/exclude") == ".workmux/\n");
}

}  // namespace
}  // namespace workmux::daemon
