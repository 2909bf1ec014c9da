#include "daemon/egress/service_tunnel.h"

#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/ip/address_v4.hpp>
#include <asio/ip/address_v6.hpp>

#include <utility>
#include <vector>

#include "common/base/format.h"
#include "common/base/status.h"

namespace workmux::egress {

ServiceTunnel::ServiceTunnel(TunnelContext& context, std::shared_ptr<SandboxState> sandbox,
                             std::uint64_t number, HostPort service, UniqueFd client)
    : context_(context),
      sandbox_(std::move(sandbox)),
      number_(number),
      service_(std::move(service)),
      client_(context.executor, client.Release()),
      server_(context.executor) {}

ServiceTunnel::~ServiceTunnel() {
  sandbox_->open.erase(number_);
  if (counted_) --context_.open_tunnels;
}

void ServiceTunnel::Start() { asio::co_spawn(context_.executor, Run(), asio::detached); }

void ServiceTunnel::Cut(std::string_view why) {
  if (why_.empty()) why_ = why;
  asio::error_code ignored;
  client_.close(ignored);
  server_.close(ignored);
  if (joint_) joint_->Cut();
}

LiveTunnel ServiceTunnel::live() const {
  LiveTunnel live{.connection = number_,
                  .session = sandbox_->session,
                  .host = {},
                  .service = service_.name,
                  .address = address_,
                  .rule = {},
                  .since = since_};
  if (joint_) {
    live.bytes_up = joint_->up().bytes;
    live.bytes_down = joint_->down().bytes;
  }
  return live;
}

void ServiceTunnel::Decide(bool allowed, std::string_view why, std::string detail) {
  context_.observer.Decided({.connection = number_,
                             .session = sandbox_->session,
                             .host = {},
                             .service = service_.name,
                             .allowed = allowed,
                             .reason = std::string(why),
                             .rule = {},
                             .detail = std::move(detail)});
}

asio::awaitable<bool> ServiceTunnel::Connect() {
  if (sandbox_->open.size() >= context_.tunnels_each || context_.open_tunnels >= context_.tunnels) {
    Decide(false, reason::kTooManyTunnels, {});
    co_return false;
  }
  sandbox_->open.emplace(number_, weak_from_this());
  counted_ = true;
  ++context_.open_tunnels;
  // A list in the awaited call is more than GCC 12 can compile.
  std::vector<asio::ip::address> addresses = {asio::ip::address_v4::loopback(),
                                              asio::ip::address_v6::loopback()};
  auto dialled = co_await context_.dialer.Dial(std::move(addresses), service_.port);
  if (!client_.is_open()) co_return false;
  if (!dialled.ok()) {
    Decide(false, reason::kNotConnected, MessageOf(dialled.status()));
    co_return false;
  }
  server_ = std::move(dialled->connection);
  address_ = Format("{} port {}", dialled->address.to_string(), service_.port);
  Decide(true, {}, address_);
  co_return true;
}

asio::awaitable<void> ServiceTunnel::Run() {
  const auto self = shared_from_this();
  if (!co_await Connect()) co_return;
  opened_ = std::chrono::steady_clock::now();
  since_ = std::chrono::system_clock::now();
  joint_ = std::make_shared<Joint>(context_.pipes, context_.idle, std::move(client_),
                                   std::move(server_));
  co_await joint_->Run();
  const auto spent = std::chrono::steady_clock::now() - opened_;
  context_.observer.Ended(
      {.connection = number_,
       .session = sandbox_->session,
       .host = {},
       .service = service_.name,
       .reason = std::string(joint_->timed_out() ? reason::kIdle : why_),
       .bytes_up = joint_->up().bytes,
       .bytes_down = joint_->down().bytes,
       .milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(spent).count()});
}

}  // namespace workmux::egress
