#include "daemon/adapters/tmux/tmux_connection.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/io/socket.h"
#include "common/process/posix_command_runner.h"
#include "daemon/adapters/tmux/tmux_list.h"

namespace workmux::daemon {
namespace {

constexpr std::chrono::milliseconds kCallTimeout{10'000};

bool MayAttach(std::string_view options) {
  return std::all_of(options.begin(), options.end(), [](char c) { return c == '0'; }) ||
         options == "offoff" || options == "off0" || options == "0off";
}

}  // namespace

absl::Status TmuxError(std::string_view command, std::string_view message) {
  const std::string text = Format("tmux {}: {}", command, Printable(Trim(message)));
  if (message.find("can't find") != std::string_view::npos) {
    return WithReason(NotFound("{}", text), "TMUX_NO_TARGET");
  }
  if (message.find("no space for new pane") != std::string_view::npos) {
    return WithHint(WithReason(FailedPrecondition("{}", text), "TMUX_NO_SPACE"),
                    "Make the terminal larger or configure fewer panes.");
  }
  return WithReason(Internal("{}", text), "TMUX_FAILED");
}

TmuxConnection::TmuxConnection(std::filesystem::path tmux, std::string socket,
                               CommandRunner& runner, Callbacks callbacks)
    : tmux_(std::move(tmux)),
      socket_(std::move(socket)),
      env_(TmuxChildEnv(CurrentEnv())),
      runner_(runner),
      callbacks_(std::move(callbacks)) {}

absl::StatusOr<std::unique_ptr<TmuxConnection>> TmuxConnection::Open(std::filesystem::path tmux,
                                                                     std::string socket,
                                                                     CommandRunner& runner,
                                                                     Callbacks callbacks) {
  std::unique_ptr<TmuxConnection> connection(
      new TmuxConnection(std::move(tmux), std::move(socket), runner, std::move(callbacks)));
  WM_RETURN_IF_ERROR(connection->CheckServer());
  return connection;
}

absl::Status TmuxConnection::CheckServer() const {
  const absl::StatusOr<UniqueFd> fd = ConnectUnix(socket_);
  if (!fd.ok()) {
    return WithHint(WithReason(Unavailable("no tmux server at {}", socket_), "TMUX_NOT_RUNNING"),
                    "Start tmux and try again.");
  }
  WM_ASSIGN_OR_RETURN(const PeerCredentials peer, PeerOf(fd->get()));
  if (peer.uid != ::geteuid()) {
    return WithReason(PermissionDenied("the tmux server at {} belongs to another user", socket_),
                      "TMUX_FOREIGN_SERVER");
  }
  return absl::OkStatus();
}

std::shared_ptr<ControlClient> TmuxConnection::AnyClient() {
  MutexLock lock(mu_);
  for (const auto& [session, client] : clients_) {
    if (client->alive()) return client;
  }
  return nullptr;
}

absl::StatusOr<std::vector<std::string>> TmuxConnection::Call(
    const std::vector<TmuxCommand>& commands) {
  if (commands.empty()) return std::vector<std::string>();
  ReaderLock not_attaching(attach_mu_);
  return CallNow(commands);
}

absl::StatusOr<std::vector<std::string>> TmuxConnection::CallNow(
    const std::vector<TmuxCommand>& commands) {
  const std::shared_ptr<ControlClient> client = AnyClient();
  if (client == nullptr) return CallProcess(commands);
  WM_ASSIGN_OR_RETURN(std::vector<TmuxReply> replies, client->Call(commands, kCallTimeout));
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < replies.size(); ++i) {
    if (!replies[i].ok) return TmuxError(commands[i].front(), replies[i].text);
    texts.push_back(std::move(replies[i].text));
  }
  return texts;
}

absl::StatusOr<std::string> TmuxConnection::CallOne(TmuxCommand command) {
  WM_ASSIGN_OR_RETURN(std::vector<std::string> texts, Call({std::move(command)}));
  return std::move(texts.front());
}

Command TmuxConnection::ProcessFor(const std::vector<TmuxCommand>& commands) const {
  Command process;
  process.argv = {tmux_.string(), "-u", "-N", "-S", socket_};
  for (std::string& argument : BatchArguments(commands))
    process.argv.push_back(std::move(argument));
  process.env = env_;
  process.cwd = "/";
  return process;
}

absl::StatusOr<std::vector<std::string>> TmuxConnection::CallProcess(
    const std::vector<TmuxCommand>& commands) {
  WM_RETURN_IF_ERROR(CheckServer());
  // A command's output holds text of others (a working directory's name).
  const std::string separator = RandomMark();
  std::vector<TmuxCommand> separated;
  for (const TmuxCommand& command : commands) {
    separated.push_back(command);
    separated.push_back({"display-message", "-p", separator});
  }
  RunOptions options;
  options.timeout = kCallTimeout;
  WM_ASSIGN_OR_RETURN(const CommandResult result, runner_.Run(ProcessFor(separated), options));
  std::vector<std::string> texts;
  std::string_view rest = result.out;
  const std::string line = separator + "\n";
  for (std::size_t end = rest.find(line); end != std::string_view::npos; end = rest.find(line)) {
    std::string_view text = rest.substr(0, end);
    if (text.ends_with('\n')) text.remove_suffix(1);
    texts.emplace_back(text);
    rest.remove_prefix(end + line.size());
  }
  if (texts.size() != commands.size()) {
    const std::string& name = commands[std::min(texts.size(), commands.size() - 1)].front();
    return TmuxError(name, result.err.empty() ? "the server ended" : result.err);
  }
  return texts;
}

absl::Status TmuxConnection::Attach(const std::string& session_id) {
  WriterLock attaching(attach_mu_);
  {
    MutexLock lock(mu_);
    const auto it = clients_.find(session_id);
    if (it != clients_.end() && it->second->alive()) return absl::OkStatus();
  }
  WM_ASSIGN_OR_RETURN(const std::vector<std::string> options,
                      CallNow({{"display-message", "-p", "-t", session_id + ":",
                                "#{destroy-unattached}#{exit-unattached}"}}));
  if (!MayAttach(options.front())) return absl::OkStatus();
  ControlClient::Callbacks callbacks{.on_notification = callbacks_.on_notification,
                                     .on_exit = callbacks_.on_client_ended};
  WM_ASSIGN_OR_RETURN(
      std::shared_ptr<ControlClient> client,
      ControlClient::Attach(tmux_.string(), socket_, session_id, env_, std::move(callbacks)));
  MutexLock lock(mu_);
  client.swap(clients_[session_id]);
  return absl::OkStatus();
}

void TmuxConnection::KeepOnly(const std::set<std::string>& session_ids) {
  std::vector<std::shared_ptr<ControlClient>> dropped;  // destroyed without the lock
  MutexLock lock(mu_);
  for (auto it = clients_.begin(); it != clients_.end();) {
    if (session_ids.contains(it->first) && it->second->alive()) {
      ++it;
      continue;
    }
    dropped.push_back(std::move(it->second));
    it = clients_.erase(it);
  }
}

}  // namespace workmux::daemon
