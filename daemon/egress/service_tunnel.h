#pragma once

#include <asio/awaitable.hpp>
#include <asio/posix/stream_descriptor.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "common/base/unique_fd.h"
#include "daemon/egress/connection.h"
#include "daemon/egress/host_port.h"
#include "daemon/egress/joint.h"
#include "daemon/egress/tunnel.h"

namespace workmux::egress {

// One connection of a sandbox to a service of the host's loopback that it may use. The
// listener that took it says which: there is nothing to ask and nothing to read.
class ServiceTunnel : public Connection, public std::enable_shared_from_this<ServiceTunnel> {
 public:
  ServiceTunnel(TunnelContext& context, std::shared_ptr<SandboxState> sandbox, std::uint64_t number,
                HostPort service, UniqueFd client);
  ~ServiceTunnel() override;

  void Start();
  void Cut(std::string_view why) override;
  // What is configured about services counts from the sandbox's start on.
  bool IsAllowedBy(const Policy&) const override { return true; }
  LiveTunnel live() const override;

 private:
  asio::awaitable<void> Run();
  asio::awaitable<bool> Connect();
  void Decide(bool allowed, std::string_view why, std::string detail);

  TunnelContext& context_;
  const std::shared_ptr<SandboxState> sandbox_;
  const std::uint64_t number_;
  const HostPort service_;
  asio::posix::stream_descriptor client_;
  asio::posix::stream_descriptor server_;
  std::string address_;
  std::shared_ptr<Joint> joint_;
  std::chrono::steady_clock::time_point opened_;
  std::chrono::system_clock::time_point since_;
  std::string_view why_;  // it was cut
  bool counted_ = false;
};

}  // namespace workmux::egress
