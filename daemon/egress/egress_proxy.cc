#include "daemon/egress/egress_proxy.h"

#include <chrono>
#include <future>
#include <utility>

#include "common/base/status.h"
#include "common/io/socket.h"
#include "daemon/egress/service_tunnel.h"

namespace workmux::egress {
namespace {

// Numbers of connections are in records that outlive the daemon: the time keeps those
// of two lives apart.
std::uint64_t FirstNumber() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(now).count());
}

void CutAll(SandboxState& sandbox, std::string_view why) {
  // Cutting takes them out of the maps.
  std::vector<std::shared_ptr<Connection>> tunnels;
  for (const auto* map : {&sandbox.asking, &sandbox.open}) {
    for (const auto& [number, weak] : *map) {
      if (auto tunnel = weak.lock()) tunnels.push_back(std::move(tunnel));
    }
  }
  for (const auto& tunnel : tunnels) tunnel->Cut(why);
}

}  // namespace

EgressProxy::EgressProxy(const Parts& parts, const Limits& limits)
    : limits_(limits),
      last_number_(FirstNumber()),
      context_{.executor = {},
               .resolver = parts.resolver,
               .dialer = parts.dialer,
               .leads_here = parts.leads_here,
               .observer = parts.observer,
               .pipes = pipes_,
               .head_time = limits.head_time,
               .hello_time = limits.hello_time,
               .idle = limits.idle,
               .tunnels_each = limits.tunnels_each,
               .tunnels = limits.tunnels},
      loop_("wm-egress") {
  context_.executor = loop_.context().get_executor();
}

EgressProxy::~EgressProxy() {
  // Its threads would post to a loop that is gone.
  OnLoop([this] { context_.resolver.Stop(); });
  std::map<std::string, Sandbox> sandboxes;
  OnLoop([&] { sandboxes.swap(sandboxes_); });
  for (auto& [session, sandbox] : sandboxes) {
    sandbox.listeners.clear();
    OnLoop([&, state = sandbox.state] { CutAll(*state, reason::kClosed); });
  }
}

// The loop never waits for a lock or a tool: the call returns soon.
void EgressProxy::OnLoop(const std::function<void()>& job) {
  std::promise<void> done;
  loop_.Post([&] {
    job();
    done.set_value();
  });
  done.get_future().wait();
}

absl::StatusOr<std::uint16_t> EgressProxy::Open(const std::string& session, const Secret& token,
                                                Policy policy, const Endpoints& endpoints) {
  Sandbox sandbox;
  sandbox.state = std::make_shared<SandboxState>();
  sandbox.state->session = session;
  sandbox.state->token = token;
  sandbox.state->policy = std::make_shared<const Policy>(std::move(policy));
  sandbox.state->broker = endpoints.broker;
  if (token.empty()) return InvalidArgument("a proxy without a token");
  const auto listen = [&](UniqueFd listener) {
    return loop_.Accept(std::move(listener), [this, state = sandbox.state](UniqueFd connection) {
      Take(state, std::move(connection));
    });
  };
  std::uint16_t port = 0;
  if (!endpoints.socket.empty()) {
    WM_ASSIGN_OR_RETURN(UniqueFd listener, ListenUnix(endpoints.socket));
    sandbox.listeners.push_back(listen(std::move(listener)));
  }
  if (!endpoints.tcp_address.empty()) {
    WM_ASSIGN_OR_RETURN(UniqueFd listener, ListenTcp(endpoints.tcp_address, endpoints.tcp_port));
    WM_ASSIGN_OR_RETURN(port, LocalPort(listener.get()));
    sandbox.listeners.push_back(listen(std::move(listener)));
  }
  for (const HostPort& service : endpoints.services) {
    WM_ASSIGN_OR_RETURN(UniqueFd listener,
                        ListenUnix(endpoints.socket.parent_path() / SocketNameOf(service)));
    sandbox.listeners.push_back(loop_.Accept(
        std::move(listener), [this, service, state = sandbox.state](UniqueFd connection) {
          if (state->closed) return;
          std::make_shared<ServiceTunnel>(context_, state, ++last_number_, service,
                                          std::move(connection))
              ->Start();
        }));
  }
  bool added = false;
  OnLoop([&] { added = sandboxes_.try_emplace(session, std::move(sandbox)).second; });
  if (!added) return AlreadyExists("session {} has a proxy", session);
  return port;
}

void EgressProxy::Take(const std::shared_ptr<SandboxState>& sandbox, UniqueFd connection) {
  if (sandbox->closed) return;
  if (sandbox->asking.size() >= limits_.asking) {
    if (const auto oldest = sandbox->asking.begin()->second.lock()) oldest->Cut(reason::kTooSlow);
    sandbox->asking.erase(sandbox->asking.begin());
  }
  std::make_shared<Tunnel>(context_, sandbox, ++last_number_, std::move(connection))->Start();
}

absl::Status EgressProxy::SetPolicy(const std::string& session, Policy policy) {
  const auto shared = std::make_shared<const Policy>(std::move(policy));
  bool found = false;
  OnLoop([&] {
    const auto entry = sandboxes_.find(session);
    if (entry == sandboxes_.end()) return;
    found = true;
    SandboxState& sandbox = *entry->second.state;
    sandbox.policy = shared;
    std::vector<std::shared_ptr<Connection>> forbidden;
    for (const auto& [number, weak] : sandbox.open) {
      auto tunnel = weak.lock();
      if (tunnel && !tunnel->IsAllowedBy(*shared)) forbidden.push_back(std::move(tunnel));
    }
    for (const auto& tunnel : forbidden) tunnel->Cut(reason::kPolicyChanged);
  });
  return found ? absl::OkStatus() : NotFound("session {} has no proxy", session);
}

void EgressProxy::Close(const std::string& session) {
  Sandbox closed;
  OnLoop([&] {
    const auto entry = sandboxes_.find(session);
    if (entry == sandboxes_.end()) return;
    closed = std::move(entry->second);
    sandboxes_.erase(entry);
    closed.state->closed = true;
    CutAll(*closed.state, reason::kClosed);
  });
}

std::vector<LiveTunnel> EgressProxy::Tunnels() {
  std::vector<LiveTunnel> tunnels;
  OnLoop([&] {
    for (const auto& [session, sandbox] : sandboxes_) {
      for (const auto& [number, weak] : sandbox.state->open) {
        if (const auto tunnel = weak.lock()) tunnels.push_back(tunnel->live());
      }
    }
  });
  return tunnels;
}

}  // namespace workmux::egress
