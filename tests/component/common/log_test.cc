#include "common/log/log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <vector>

#include "common/base/unique_fd.h"
#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"

namespace workmux {
namespace {

namespace fs = std::filesystem;

// What is written to standard error while it lives.
class ErrorCapture {
 public:
  explicit ErrorCapture(fs::path file) : file_(std::move(file)) {
    const UniqueFd out(::open(file_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    REQUIRE(out.valid());
    ::dup2(out.get(), STDERR_FILENO);
  }
  ~ErrorCapture() { ::dup2(saved_.get(), STDERR_FILENO); }
  std::string Text() const { return test::ReadWholeFile(file_); }

 private:
  const fs::path file_;
  const UniqueFd saved_{::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3)};
};

std::vector<fs::path> FilesOf(const fs::path& dir) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(dir)) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

bool Holds(const fs::path& file, std::string_view text) {
  return test::ReadWholeFile(file).find(text) != std::string::npos;
}

TEST_CASE("Log: a file that is full gives way to a new one, five there are at most, all private") {
  test::TempDir dir;
  const mode_t mask = ::umask(0022);
  constexpr std::size_t kMaxBytes = 320u << 10;
  StartLogging(dir / "log/d.log", "info", kMaxBytes);
  LogInfo("test", "the first line");
  const std::string line(4u << 10, 'x');
  // One file holds almost 80 of these.
  for (int i = 0; i < 100; ++i) LogInfo("test", line);
  LogInfo("test", "the newest line");
  CHECK(FilesOf(dir / "log").size() == 2);
  CHECK(Holds(dir / "log/d.log", "the newest line"));
  CHECK_FALSE(Holds(dir / "log/d.log", "the first line"));
  for (int i = 0; i < 600; ++i) LogInfo("test", line);
  ::umask(mask);

  const std::vector<fs::path> files = FilesOf(dir / "log");
  CHECK(files.size() == 5);
  for (const fs::path& file : files) {
    INFO(file.string());
    CHECK(fs::file_size(file) <= kMaxBytes);
    struct stat info {};
    REQUIRE(::stat(file.c_str(), &info) == 0);
    CHECK((info.st_mode & 0777) == 0600);
    CHECK_FALSE(Holds(file, "the first line"));
  }
}

TEST_CASE("Log: without a file that can be written it goes to standard error") {
  test::TempDir dir;
  test::WriteFile(dir / "file", "");
  const ErrorCapture errors(dir / "errors");
  StartLogging(dir / "file/d.log", "info");
  LogInfo("test", "still told");
  CHECK_THAT(errors.Text(), Catch::Contains("no log file") && Catch::Contains("still told"));
}

TEST_CASE("Log: the level decides, and one that does not exist is info") {
  test::TempDir dir;
  const auto logged = [&](const char* name, const char* level) {
    StartLogging(dir / name, level);
    LogDebug("test", "detail");
    LogInfo("test", "fact");
    LogError("test", "fault");
    const std::string text = test::ReadWholeFile(dir / name);
    return std::vector<bool>{text.find("detail") != std::string::npos,
                             text.find("fact") != std::string::npos,
                             text.find("fault") != std::string::npos};
  };
  CHECK(logged("a", "info") == std::vector<bool>{false, true, true});
  CHECK(logged("b", "error") == std::vector<bool>{false, false, true});
  CHECK(logged("c", "nonsense") == std::vector<bool>{false, true, true});
  CHECK(logged("d", "off") == std::vector<bool>{false, false, false});
}

TEST_CASE("Log: what a guest chose cannot begin a line or reach the terminal") {
  test::TempDir dir;
  StartLogging(dir / "a", "info");
  LogInfo("test", "x\n[forged] line \x1b[2J");
  const std::string text = test::ReadWholeFile(dir / "a");
  CHECK(std::count(text.begin(), text.end(), '\n') == 1);
  CHECK(text.find('\x1b') == std::string::npos);
  CHECK_THAT(text, Catch::Contains("forged"));
}

}  // namespace
}  // namespace workmux
