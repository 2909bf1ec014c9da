#include "daemon/broker/secret_source.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <asio/co_spawn.hpp>
#include <asio/redirect_error.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/base/unique_fd.h"
#include "common/process/posix_command_runner.h"

namespace workmux::broker {
namespace {

using std::chrono::steady_clock;

constexpr std::size_t kThreads = 2;
constexpr std::size_t kLineEnd = 2;           // CR LF
constexpr std::size_t kMaxNoise = 64 * 1024;  // bytes that a command may say beside it
constexpr mode_t kOthers = S_IRWXG | S_IRWXO;

// What a thread needs, of its own: who asked may be gone when it is done.
struct Source {
  std::string file;
  std::vector<std::string> command;

  std::string Name() const {
    return file.empty() ? Format("the output of {}", Printable(command.front())) : Printable(file);
  }
  std::string Key() const { return file.empty() ? Join(command, std::string_view("\0", 1)) : file; }
};

void Wipe(std::string& text) { ::explicit_bzero(text.data(), text.size()); }

// RFC 9110 5.5: blanks at the ends are no part of a value, and other characters than
// these are read differently by different servers.
absl::Status CheckValue(std::string_view value, std::size_t longest, const std::string& name) {
  const bool visible =
      std::all_of(value.begin(), value.end(), [](char c) { return c >= ' ' && c <= '~'; });
  if (value.empty()) return FailedPrecondition("{} is empty", name);
  if (value.size() > longest) return ResourceExhausted("{} is longer than {} bytes", name, longest);
  if (!visible || value.front() == ' ' || value.back() == ' ') {
    return FailedPrecondition(
        "{} is no value of a header: one line of visible ASCII characters, without blanks at its "
        "ends",
        name);
  }
  return absl::OkStatus();
}

// Takes the secret over, without its last line end.
absl::StatusOr<Secret> MakeSecret(std::string value, std::size_t longest, const std::string& name) {
  if (value.ends_with('\n')) value.resize(value.size() - (value.ends_with("\r\n") ? 2 : 1));
  const absl::Status checked = CheckValue(value, longest, name);
  if (!checked.ok()) {
    Wipe(value);
    return checked;
  }
  return Secret(std::move(value));
}

absl::Status CheckFile(int fd, const Source& source) {
  struct stat info {};
  if (::fstat(fd, &info) != 0) return ErrnoStatus(errno, source.Name());
  if (!S_ISREG(info.st_mode)) return FailedPrecondition("{} is not a regular file", source.Name());
  if (info.st_uid != ::geteuid())
    return PermissionDenied("{} belongs to another user", source.Name());
  if ((info.st_mode & kOthers) != 0) {
    return WithHint(PermissionDenied("{} is open to other users", source.Name()),
                    Format("Run `chmod 600 {}`.", source.Name()));
  }
  return absl::OkStatus();
}

absl::StatusOr<Secret> ReadSecretFile(const Source& source, std::size_t longest) {
  const UniqueFd fd(::open(source.file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd.valid()) return ErrnoStatus(errno, source.Name());
  WM_RETURN_IF_ERROR(CheckFile(fd.get(), source));
  // In one place from the start: a string that grows leaves copies behind.
  std::string value(longest + kLineEnd + 1, '\0');
  std::size_t size = 0;
  while (size < value.size()) {
    const ssize_t n = ::read(fd.get(), value.data() + size, value.size() - size);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      Wipe(value);
      return ErrnoStatus(errno, source.Name());
    }
    if (n == 0) break;
    size += static_cast<std::size_t>(n);
  }
  value.resize(size);
  return MakeSecret(std::move(value), longest, source.Name());
}

// What the program prints stays out of errors, on both streams.
absl::StatusOr<Secret> RunCommand(CommandRunner& runner, const Source& source,
                                  const RunOptions& options, std::size_t longest) {
  Command command;
  command.argv = source.command;
  command.cwd = "/";
  command.env = CurrentEnv();
  auto result = runner.Run(command, options);
  if (!result.ok()) return Annotate(result.status(), source.Name());
  Wipe(result->err);
  if (!result->exit.ok()) {
    Wipe(result->out);
    return FailedPrecondition("{}: the command ended with {}", source.Name(),
                              result->exit.ShellCode());
  }
  return MakeSecret(std::move(result->out), longest, source.Name());
}

}  // namespace

SecretSource::SecretSource(CommandRunner& runner, const Limits& limits)
    : runner_(runner), limits_(limits), threads_(kThreads) {}

SecretSource::~SecretSource() { Stop(); }

// What is queued still runs, and ends at once: dropped later it would tell a loop that is
// gone.
void SecretSource::Stop() {
  stop_.request_stop();
  threads_.join();
}

asio::awaitable<absl::StatusOr<Secret>> SecretSource::Read(const egress::CredentialRule& rule) {
  if (stop_.stop_requested()) co_return Cancelled("the daemon ends");
  const Source source{.file = rule.file, .command = rule.command};
  const std::string key = source.Key();
  const auto known = known_.find(key);
  if (known != known_.end() && steady_clock::now() - known->second.since < limits_.kept)
    co_return known->second.secret;
  const auto others = readings_.find(key);
  if (const auto reading = others == readings_.end() ? nullptr : others->second.lock()) {
    asio::error_code ended;
    co_await reading->ended.async_wait(asio::redirect_error(asio::use_awaitable, ended));
    co_return reading->secret;
  }
  const auto executor = co_await asio::this_coro::executor;
  const auto reading = std::make_shared<Reading>(executor);
  readings_.insert_or_assign(key, reading);
  absl::StatusOr<Secret> secret = co_await ReadAnew(rule);
  readings_.erase(key);
  const auto now = steady_clock::now();
  std::erase_if(known_,
                [&](const auto& entry) { return now - entry.second.since >= limits_.kept; });
  if (secret.ok()) known_.insert_or_assign(key, Known{.secret = *secret, .since = now});
  reading->secret = secret;
  reading->ended.cancel();
  co_return secret;
}

asio::awaitable<absl::StatusOr<Secret>> SecretSource::ReadAnew(const egress::CredentialRule& rule) {
  const Source source{.file = rule.file, .command = rule.command};
  RunOptions options;
  options.stop = stop_.get_token();
  options.timeout = limits_.command;
  options.max_output = limits_.length + kMaxNoise;
  auto read = [source, options, runner = &runner_,
               longest = limits_.length]() -> asio::awaitable<absl::StatusOr<Secret>> {
    co_return source.file.empty() ? RunCommand(*runner, source, options, longest)
                                  : ReadSecretFile(source, longest);
  };
  // On a thread; then this goes on where it was.
  co_return co_await asio::co_spawn(threads_.get_executor(), std::move(read), asio::use_awaitable);
}

}  // namespace workmux::broker
