#include "cli/client/daemon_launcher.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <thread>

#include "cli/client/daemon_socket.h"
#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/io/file.h"
#include "common/process/posix_command_runner.h"
#include "common/process/spawn.h"

namespace workmux::cli {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kFirstWait{10};
constexpr milliseconds kLongestWait{200};
constexpr milliseconds kStartLimit{10'000};
// A daemon that ended may have lost the race for the lock to another one, which
// is about to listen.
constexpr milliseconds kLoserGrace{500};
// What workmuxd exits with when another one holds the lock (daemon/main.cc).
constexpr int kAlreadyRunning = 3;

bool NobodyListens(const absl::Status& status) { return ReasonOf(status) == kDaemonUnreachable; }

bool IsSet(const Env& env, std::string_view name) {
  const auto found = env.find(name);
  return found != env.end() && !found->second.empty() && found->second != "0";
}

absl::StatusOr<fs::path> DaemonProgram(const Env& env) {
  const auto chosen = env.find("WORKMUX_DAEMON");
  if (chosen != env.end() && !chosen->second.empty()) return FindProgram(chosen->second, env);
  std::error_code error;
  const fs::path self = fs::read_symlink("/proc/self/exe", error);
  if (error) return Internal("/proc/self/exe: {}", error.message());
  return self.parent_path() / "workmuxd";
}

absl::StatusOr<UniqueFd> OpenNull() {
  UniqueFd fd(::open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!fd.valid()) return ErrnoStatus(errno, "/dev/null");
  return fd;
}

// What a daemon said before it gave up: its last message, and the hint after it.
struct LastWords {
  std::string message;
  std::string hint;
};

LastWords ReadLastWords(int fd) {
  constexpr std::string_view kHint = "hint: ";
  std::array<char, 4096> text{};
  const off_t size = ::lseek(fd, 0, SEEK_END);
  const off_t start = std::max<off_t>(0, size - static_cast<off_t>(text.size()));
  const ssize_t n = ::pread(fd, text.data(), text.size(), start);
  if (n <= 0) return {};
  auto lines = SplitLines(Trim(std::string_view(text.data(), static_cast<std::size_t>(n))));
  LastWords words;
  if (!lines.empty() && lines.back().starts_with(kHint)) {
    words.hint = lines.back().substr(kHint.size());
    lines.pop_back();
  }
  if (!lines.empty()) words.message = lines.back();
  constexpr std::string_view kName = "workmuxd: ";
  if (words.message.starts_with(kName)) words.message.erase(0, kName.size());
  return words;
}

bool HasEnded(const SpawnedProcess& process) {
  pollfd fd{.fd = process.pidfd.get(), .events = POLLIN, .revents = 0};
  return ::poll(&fd, 1, 0) > 0;
}

absl::Status DidNotStart(std::string_view why, int stderr_fd) {
  const LastWords words = ReadLastWords(stderr_fd);
  return WithHint(WithReason(Unavailable("workmuxd {}{}{}", why, words.message.empty() ? "" : ": ",
                                         words.message),
                             kDaemonUnreachable),
                  words.hint.empty() ? "see `workmux daemon logs`" : words.hint);
}

}  // namespace

Env DaemonEnv(const Env& env) {
  constexpr auto kNames = std::to_array<std::string_view>(
      {"HOME", "USER", "LOGNAME", "SHELL", "PATH", "TMPDIR", "LANG", "TZ",
       "DBUS_SESSION_BUS_ADDRESS", "NO_COLOR",
       // Which engine to talk to, docker(1) and podman(1).
       "DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH",
       "DOCKER_API_VERSION", "CONTAINER_HOST", "CONTAINER_CONNECTION", "CONTAINERS_CONF",
       "CONTAINERS_STORAGE_CONF", "CONTAINERS_REGISTRIES_CONF",
       // Which authorities servers of credentials are verified by, openssl-env(7).
       "SSL_CERT_FILE", "SSL_CERT_DIR"});
  constexpr std::array<std::string_view, 3> kPrefixes = {"LC_", "XDG_", "WORKMUX_"};
  Env kept;
  for (const auto& [name, value] : env) {
    const bool named = std::find(kNames.begin(), kNames.end(), name) != kNames.end();
    const bool prefixed =
        std::any_of(kPrefixes.begin(), kPrefixes.end(),
                    [&name = name](std::string_view prefix) { return name.starts_with(prefix); });
    if (named || prefixed) kept.emplace(name, value);
  }
  return kept;
}

absl::StatusOr<UniqueFd> DaemonLauncher::Connect(StartPolicy policy) const {
  auto connected = ConnectToDaemon(paths_.socket);
  if (connected.ok() || !NobodyListens(connected.status())) return connected;
  if (policy == StartPolicy::kNever || IsSet(env_, "WORKMUX_NO_SPAWN")) return connected;
  if (policy == StartPolicy::kUnlessStopped && stopped()) return connected;
  WM_RETURN_IF_ERROR(ClearStopped());
  return Launch();
}

absl::StatusOr<UniqueFd> DaemonLauncher::Launch() const {
  WM_ASSIGN_OR_RETURN(const fs::path program, DaemonProgram(env_));
  WM_ASSIGN_OR_RETURN(UniqueFd errors, AnonymousFile(""));
  SpawnOptions options;
  options.group = ProcessGroup::kSession;
  WM_ASSIGN_OR_RETURN(options.in, OpenNull());
  WM_ASSIGN_OR_RETURN(options.out, OpenNull());
  options.err.emplace(::fcntl(errors.get(), F_DUPFD_CLOEXEC, 0));
  Command command;
  command.argv = {program.string()};
  command.cwd = "/";
  command.env = DaemonEnv(env_);
  auto process = SpawnProcess(command, std::move(options));
  if (!process.ok()) {
    return WithHint(WithReason(process.status(), kDaemonUnreachable),
                    "install workmuxd beside workmux, or name it in WORKMUX_DAEMON");
  }

  const auto deadline = steady_clock::now() + kStartLimit;
  auto give_up = deadline;
  milliseconds wait = kFirstWait;
  bool ended = false;
  while (true) {
    std::this_thread::sleep_for(wait);
    wait = std::min(wait * 2, kLongestWait);
    auto connected = ConnectToDaemon(paths_.socket);
    if (connected.ok() || !NobodyListens(connected.status())) return connected;
    if (!ended && HasEnded(*process)) {
      ended = true;
      // One that found another at work leaves the field to it, which may take its
      // time to look after its sandboxes before it listens.
      const bool lost = Reap(process->pid).code == kAlreadyRunning;
      if (!lost) give_up = std::min(deadline, steady_clock::now() + kLoserGrace);
    }
    if (steady_clock::now() < give_up) continue;
    return DidNotStart(ended ? "ended at once" : "did not answer within 10 s", errors.get());
  }
}

absl::Status DaemonLauncher::MarkStopped() const {
  WM_RETURN_IF_ERROR(MakePrivateDirectory(paths_.runtime));
  return WriteFileAtomically(marker(), "");
}

absl::Status DaemonLauncher::ClearStopped() const {
  if (::unlink(marker().c_str()) != 0 && errno != ENOENT && errno != ENOTDIR) {
    return ErrnoStatus(errno, marker().string());
  }
  return absl::OkStatus();
}

bool DaemonLauncher::stopped() const { return ::access(marker().c_str(), F_OK) == 0; }

}  // namespace workmux::cli
