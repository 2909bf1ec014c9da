#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <thread>

#include "cli/commands/daemon.h"
#include "cli/exit_code.h"
#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/base/unique_fd.h"
#include "workmux/control/v1/daemon.pb.h"

namespace workmux::cli {
namespace {

constexpr off_t kTail = 1 << 20;  // bytes that are looked at for the last lines
constexpr std::chrono::milliseconds kFollowEvery{250};

std::filesystem::path LogFile(const CommandEnv& env) {
  DaemonClient client(env.launcher, StartPolicy::kNever);
  const auto info = client.GetInfo();
  if (info.ok() && !info->log_file().empty()) return info->log_file();
  return env.launcher.paths().state / "workmuxd.log";
}

// Reads a log that grows and is now and then replaced by a new one.
class LogReader {
 public:
  static absl::StatusOr<LogReader> Open(const std::filesystem::path& file) {
    UniqueFd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (!fd.valid()) return ErrnoStatus(errno, file.string());
    return LogReader(file, std::move(fd));
  }

  std::string Tail(std::size_t lines) {
    const off_t size = ::lseek(fd_.get(), 0, SEEK_END);
    ::lseek(fd_.get(), std::max<off_t>(0, size - kTail), SEEK_SET);
    std::vector<std::string> all = SplitLines(ReadOn());
    if (all.size() > lines) all.erase(all.begin(), all.end() - static_cast<std::ptrdiff_t>(lines));
    return all.empty() ? std::string() : Join(all, "\n") + "\n";
  }

  // What was added since, from the new file when there is one.
  std::string Added() {
    std::string text = ReadOn();
    struct stat ours {};
    struct stat there {};
    if (::fstat(fd_.get(), &ours) == 0 && ::stat(file_.c_str(), &there) == 0 &&
        (ours.st_ino != there.st_ino || ours.st_dev != there.st_dev)) {
      if (auto next = Open(file_); next.ok()) {
        fd_ = std::move(next->fd_);
        text += ReadOn();
      }
    }
    return text;
  }

 private:
  LogReader(std::filesystem::path file, UniqueFd fd) : file_(std::move(file)), fd_(std::move(fd)) {}

  std::string ReadOn() {
    std::string text;
    char buffer[65536];
    for (ssize_t n = 0; (n = ::read(fd_.get(), buffer, sizeof buffer)) > 0;) {
      text.append(buffer, static_cast<std::size_t>(n));
    }
    return text;
  }

  std::filesystem::path file_;
  UniqueFd fd_;
};

}  // namespace

absl::StatusOr<int> RunDaemonLogs(const DaemonLogsOptions& options, const CommandEnv& env) {
  WM_ASSIGN_OR_RETURN(LogReader reader, LogReader::Open(LogFile(env)));
  const auto print = [&](const std::string& text) {
    if (!text.empty()) env.terminal.Out(PrintableLines(text) + "\n");
  };
  print(reader.Tail(options.lines));
  while (options.follow) {
    std::this_thread::sleep_for(kFollowEvery);
    print(reader.Added());
  }
  return kExitOk;
}

}  // namespace workmux::cli
