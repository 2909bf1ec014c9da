#pragma once

#include <asio/awaitable.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/steady_timer.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "common/base/unique_fd.h"
#include "common/relay/pipe_pool.h"
#include "daemon/broker/brokered_exchange.h"
#include "daemon/egress/connect_request.h"
#include "daemon/egress/connection.h"
#include "daemon/egress/decision.h"
#include "daemon/egress/dial_plan.h"
#include "daemon/egress/dialer.h"
#include "daemon/egress/joint.h"
#include "daemon/egress/resolver.h"
#include "daemon/egress/sandbox_state.h"

namespace workmux::egress {

// What all tunnels of a proxy share. Outlives them.
struct TunnelContext {
  asio::any_io_executor executor;
  Resolver& resolver;
  Dialer& dialer;
  LeadsHereFn leads_here;
  Observer& observer;
  PipePool& pipes;
  std::chrono::milliseconds head_time{5000};   // for the whole head of the request
  std::chrono::milliseconds hello_time{5000};  // for the first message inside the tunnel
  IdleLimits idle;
  std::size_t tunnels_each = 256;  // open ones of a sandbox
  std::size_t tunnels = 4096;      // of all
  std::size_t open_tunnels = 0;
};

// One connection of a sandbox from its first byte to its last: head of the request,
// credentials, policy, name, addresses, connection, answer, TLS hello, then bytes, or
// requests where a credential is kept for the host.
// Used on the proxy's thread.
class Tunnel : public Connection, public std::enable_shared_from_this<Tunnel> {
 public:
  Tunnel(TunnelContext& context, std::shared_ptr<SandboxState> sandbox, std::uint64_t number,
         UniqueFd client);
  ~Tunnel() override;

  void Start();
  void Cut(std::string_view why) override;
  bool IsAllowedBy(const Policy& policy) const override;
  LiveTunnel live() const override;

 private:
  asio::awaitable<void> Run();
  // False: it was refused, or the client is gone.
  asio::awaitable<bool> ReadHead();
  asio::awaitable<bool> Authorise();
  asio::awaitable<bool> Connect();
  asio::awaitable<bool> Answer();
  asio::awaitable<bool> CheckHello();
  asio::awaitable<void> Join();
  asio::awaitable<void> Broker();
  bool IsBrokered() const;
  asio::awaitable<bool> ReadMore();
  asio::awaitable<bool> Refuse(int http_status, std::string_view why, std::string_view text,
                               std::string detail = {});
  asio::awaitable<void> Linger();
  void SetLimit(std::chrono::milliseconds time);
  Decision Draft() const;
  void End(std::string_view why);

  TunnelContext& context_;
  const std::shared_ptr<SandboxState> sandbox_;
  const std::uint64_t number_;
  asio::posix::stream_descriptor client_;
  asio::steady_timer limit_;
  std::string received_;
  ConnectRequest request_;
  std::string rule_;
  bool allow_private_ = false;
  asio::posix::stream_descriptor server_;
  std::string address_;
  // One of the two.
  std::shared_ptr<Joint> joint_;
  std::shared_ptr<broker::BrokeredExchange> exchange_;
  std::uint64_t hello_bytes_ = 0;
  std::chrono::steady_clock::time_point opened_;
  std::chrono::system_clock::time_point since_;
  std::string_view why_;  // it was cut
  bool counted_ = false;  // as an open tunnel
};

}  // namespace workmux::egress
