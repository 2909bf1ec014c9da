#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/base/mutex.h"
#include "daemon/egress/egress_proxy.h"
#include "tests/support/temp_dir.h"

namespace workmux::test {

// Connects nobody, and keeps to whom it should have.
class KeepingDialer : public egress::Dialer {
 public:
  asio::awaitable<absl::StatusOr<Dialled>> Dial(std::vector<asio::ip::address> addresses,
                                                std::uint16_t port) override;
  std::vector<asio::ip::address> dialled() const;

 private:
  mutable Mutex mu_;
  std::vector<asio::ip::address> dialled_ WM_GUARDED_BY(mu_);
};

// The product's dialer, to this port in place of the one that is asked for.
class OtherPortDialer : public egress::TcpDialer {
 public:
  explicit OtherPortDialer(int port) : port_(static_cast<std::uint16_t>(port)) {}
  asio::awaitable<absl::StatusOr<Dialled>> Dial(std::vector<asio::ip::address> addresses,
                                                std::uint16_t port) override;

 private:
  const std::uint16_t port_;
};

// The proxy of one sandbox on a socket of the test's.
class ProxyStage {
 public:
  ProxyStage(egress::Resolver& resolver, egress::Dialer& dialer,
             const egress::LeadsHereFn& leads_here, const std::string& host, bool private_ips);

  // A connection as the sandbox's relay makes it.
  UniqueFd Connect() const;
  // The answer's status and its reason, "403 forbidden-address"; "" without an answer.
  std::string Ask(const std::string& host, const std::string& token = "token") const;
  static std::string Request(const std::string& host, const std::string& token = "token");
  const std::filesystem::path& socket() const { return socket_; }

 private:
  class Silent : public egress::Observer {
    void Decided(const egress::Decision&) override {}
    void Ended(const egress::Ending&) override {}
  };
  TempDir dir_;
  std::filesystem::path socket_;
  Silent observer_;
  egress::EgressProxy proxy_;
};

// An address of this host in no block that is forbidden whatever the rules say, as that
// of an engine's bridge.
asio::ip::address OwnAddress();

// Writes all of it, if the other end takes it.
void SayTo(int fd, std::string_view bytes);
// What comes until the end, a pause of `patience`, or `until`.
std::string HearOf(int fd, std::string_view until, std::chrono::milliseconds patience);

}  // namespace workmux::test
