#include "daemon/guest/socket_gates.h"

#include <sys/socket.h>
#include <unistd.h>

#include <utility>

#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/io/file.h"
#include "common/io/socket.h"
#include "common/log/log.h"

namespace workmux::daemon {
namespace {

// Fits into any socket's buffer: the guest cannot keep the caller waiting.
constexpr std::size_t kMostLine = 1000;

std::string Line(const std::string& text) { return Printable(text).substr(0, kMostLine); }

void Answer(const UniqueFd& connection, const absl::Status& status) {
  const std::string word =
      status.ok() ? "ok\n" : "no\n" + Line(MessageOf(status)) + "\n" + Line(HintOf(status)) + "\n";
  // One that is gone runs nothing either.
  static_cast<void>(
      ::send(connection.get(), word.data(), word.size(), MSG_NOSIGNAL | MSG_DONTWAIT));
}

}  // namespace

SocketGates::~SocketGates() {
  std::map<std::string, Gate> gates;
  MutexLock lock(mu_);
  gates.swap(gates_);
}

absl::Status SocketGates::Open(const std::string& session_id, const std::filesystem::path& socket,
                               Apply apply) {
  const MutexLock lock(mu_);
  if (gates_.contains(session_id))
    return AlreadyExists("session {} has a firewall's gate", session_id);
  WM_RETURN_IF_ERROR(MakePrivateDirectory(socket.parent_path()));
  WM_ASSIGN_OR_RETURN(UniqueFd listener, ListenUnix(socket));
  Gate gate{.socket = socket, .apply = std::move(apply), .listener = nullptr};
  gate.listener = loop_.Accept(std::move(listener), [this, session_id](UniqueFd connection) {
    Take(session_id, std::move(connection));
  });
  gates_.emplace(session_id, std::move(gate));
  return absl::OkStatus();
}

void SocketGates::Take(const std::string& session_id, UniqueFd connection) {
  Apply apply;
  {
    const MutexLock lock(mu_);
    const auto gate = gates_.find(session_id);
    if (gate == gates_.end() || !gate->second.apply) return;
    apply = std::exchange(gate->second.apply, nullptr);
  }
  auto shared = std::make_shared<UniqueFd>(std::move(connection));
  executor_.Post([session_id, apply = std::move(apply), shared] {
    const absl::Status status = apply();
    if (!status.ok()) LogWarning("firewall", Format("{}: {}", session_id, Line(MessageOf(status))));
    Answer(*shared, status);
  });
}

void SocketGates::Close(const std::string& session_id) {
  std::map<std::string, Gate>::node_type closed;
  {
    const MutexLock lock(mu_);
    closed = gates_.extract(session_id);
    if (closed.empty()) return;
  }
  // Waits for the loop, which takes the lock.
  closed.mapped().listener.reset();
  ::unlink(closed.mapped().socket.c_str());
  ::rmdir(closed.mapped().socket.parent_path().c_str());
}

}  // namespace workmux::daemon
