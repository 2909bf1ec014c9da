#include "daemon/adapters/tmux/control_client.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "common/base/status.h"
#include "common/process/sigpipe_guard.h"

namespace workmux::daemon {
namespace {

using std::chrono::milliseconds;
using SteadyClock = std::chrono::steady_clock;

constexpr milliseconds kAttachTimeout{5000};
constexpr milliseconds kDetachGrace{500};

absl::Status Ended() {
  return WithReason(Unavailable("the connection to tmux has ended"), "TMUX_CLIENT_ENDED");
}

}  // namespace

absl::StatusOr<std::unique_ptr<ControlClient>> ControlClient::Attach(const std::string& tmux,
                                                                     const std::string& socket,
                                                                     const std::string& session_id,
                                                                     const Env& env,
                                                                     Callbacks callbacks) {
  WM_ASSIGN_OR_RETURN(PipedChild child,
                      SpawnPiped({tmux, "-u", "-N", "-S", socket, "-C", "attach-session", "-E",
                                  "-f", "no-output,ignore-size", "-t", session_id},
                                 env));
  ::fcntl(child.in.get(), F_SETFL, O_NONBLOCK);
  std::unique_ptr<ControlClient> client(new ControlClient(std::move(child), std::move(callbacks)));
  const std::vector<TmuxCommand> probe = {{"display-message", "-p", "#{session_id}"}};
  WM_ASSIGN_OR_RETURN(const std::vector<TmuxReply> replies, client->Call(probe, kAttachTimeout));
  if (!replies.front().ok) return Unavailable("tmux: {}", replies.front().text);
  return client;
}

ControlClient::ControlClient(PipedChild child, Callbacks callbacks)
    : pid_(child.pid),
      out_(std::move(child.out)),
      callbacks_(std::move(callbacks)),
      in_(std::move(child.in)),
      reader_([this] { ReadLoop(); }) {}

ControlClient::~ControlClient() {
  {
    MutexLock lock(mu_);
    in_.Reset();
    if (!changed_.wait_for(mu_, kDetachGrace, [this]() WM_REQUIRES(mu_) { return ended_; })) Kill();
  }
  reader_.join();
}

bool ControlClient::alive() const {
  MutexLock lock(mu_);
  return !ended_ && in_.valid();
}

void ControlClient::Kill() {
  // Not yet reaped: the reader does that after it has set ended_.
  if (!ended_) ::kill(pid_, SIGKILL);
}

absl::Status ControlClient::WriteLines(std::string_view lines, SteadyClock::time_point deadline) {
  const SigpipeGuard guard;
  while (!lines.empty()) {
    const ssize_t n = ::write(in_.get(), lines.data(), lines.size());
    if (n > 0) {
      lines.remove_prefix(static_cast<std::size_t>(n));
      continue;
    }
    if (errno == EINTR) continue;
    if (errno != EAGAIN) return Ended();
    const auto left = std::chrono::ceil<milliseconds>(deadline - SteadyClock::now()).count();
    if (left <= 0) return DeadlineExceeded("tmux does not take commands");
    pollfd poll{.fd = in_.get(), .events = POLLOUT, .revents = 0};
    ::poll(&poll, 1, static_cast<int>(left));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<TmuxReply>> ControlClient::Call(std::span<const TmuxCommand> commands,
                                                           milliseconds timeout) {
  const auto deadline = SteadyClock::now() + timeout;
  std::string lines;
  for (const TmuxCommand& command : commands) {
    // An empty line would detach the client and answer nothing.
    if (command.empty()) return Internal("empty tmux command");
    lines += QuoteForTmux(command);
    lines += '\n';
  }
  const auto call = std::make_shared<PendingCall>();
  call->expected = commands.size();
  if (commands.empty()) return call->replies;

  MutexLock lock(mu_);
  if (ended_ || !in_.valid()) return Ended();
  calls_.push_back(call);
  if (absl::Status written = WriteLines(lines, deadline); !written.ok()) {
    // Half a command may stand in the pipe: nothing more can be said on it.
    in_.Reset();
    Kill();
    return written;
  }
  const bool answered = changed_.wait_until(
      mu_, deadline, [&] { return call->lost || call->replies.size() == call->expected; });
  if (!answered) return DeadlineExceeded("tmux did not answer within {} ms", timeout.count());
  if (call->lost) return Ended();
  return std::move(call->replies);
}

void ControlClient::TakeReply(TmuxReply reply) {
  MutexLock lock(mu_);
  if (calls_.empty()) return;
  PendingCall& call = *calls_.front();
  call.replies.push_back(std::move(reply));
  if (call.replies.size() < call.expected) return;
  calls_.pop_front();
  changed_.notify_all();
}

void ControlClient::ReadLoop() {
  ControlParser parser({.on_reply = [this](TmuxReply reply) { TakeReply(std::move(reply)); },
                        .on_notification = callbacks_.on_notification});
  std::array<char, 65536> buffer;
  for (;;) {
    const ssize_t n = ::read(out_.get(), buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0 || !parser.Feed(std::string_view(buffer.data(), static_cast<std::size_t>(n)))) break;
  }
  {
    MutexLock lock(mu_);
    // The child wrote its last or talks nonsense: either way it is over.
    Kill();
    ended_ = true;
    in_.Reset();
    for (const auto& call : calls_) call->lost = true;
    calls_.clear();
    changed_.notify_all();
  }
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
  callbacks_.on_exit();
}

}  // namespace workmux::daemon
