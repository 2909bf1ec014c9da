#include "tests/attacks/network/proxy_stage.h"

#include <absl/strings/escaping.h>
#include <poll.h>
#include <sys/socket.h>

#include <csignal>
#include <stdexcept>

#include "common/base/status.h"
#include "common/io/socket.h"
#include "daemon/egress/address_class.h"
#include "tests/attacks/network/bait.h"
#include "tests/support/status_matchers.h"

namespace workmux::test {
namespace {

egress::Policy Allow(const std::string& host, bool private_ips) {
  egress::Policy policy;
  policy.rules.push_back(Must(egress::ParseHostRule(host, private_ips)));
  return policy;
}

}  // namespace

asio::awaitable<absl::StatusOr<egress::Dialer::Dialled>> KeepingDialer::Dial(
    std::vector<asio::ip::address> addresses, std::uint16_t) {
  const MutexLock lock(mu_);
  dialled_.insert(dialled_.end(), addresses.begin(), addresses.end());
  co_return Unavailable("nobody");
}

std::vector<asio::ip::address> KeepingDialer::dialled() const {
  const MutexLock lock(mu_);
  return dialled_;
}

asio::awaitable<absl::StatusOr<egress::Dialer::Dialled>> OtherPortDialer::Dial(
    std::vector<asio::ip::address> addresses, std::uint16_t) {
  return egress::TcpDialer::Dial(std::move(addresses), port_);
}

ProxyStage::ProxyStage(egress::Resolver& resolver, egress::Dialer& dialer,
                       const egress::LeadsHereFn& leads_here, const std::string& host,
                       bool private_ips)
    : socket_(dir_ / "proxy.sock"),
      proxy_({.resolver = resolver,
              .dialer = dialer,
              .leads_here = leads_here,
              .observer = observer_}) {
  std::signal(SIGPIPE, SIG_IGN);
  Must(proxy_.Open("one", Secret("token"), Allow(host, private_ips), {.socket = socket_}));
}

UniqueFd ProxyStage::Connect() const { return Must(ConnectUnix(socket_)); }

std::string ProxyStage::Request(const std::string& host, const std::string& token) {
  return "CONNECT " + host + ":443 HTTP/1.1\r\nProxy-Authorization: Basic " +
         absl::Base64Escape("workmux:" + token) + "\r\n\r\n";
}

std::string ProxyStage::Ask(const std::string& host, const std::string& token) const {
  const UniqueFd connection = Connect();
  SayTo(connection.get(), Request(host, token));
  const std::string answer = HearOf(connection.get(), "\r\n\r\n", std::chrono::seconds(20));
  if (answer.size() < 12) return {};
  constexpr std::string_view kField = "X-Workmux-Deny: ";
  const auto at = answer.find(kField);
  const std::string status = answer.substr(9, 3);
  if (at == std::string::npos) return status;
  const auto begin = at + kField.size();
  return status + " " + answer.substr(begin, answer.find('\r', begin) - begin);
}

asio::ip::address OwnAddress() {
  for (const std::string& text : HostAddresses()) {
    const auto one = asio::ip::make_address(text);
    if (egress::Classify(one).reach != egress::Reach::kForbidden) return one;
  }
  throw std::runtime_error("this host has no address that a proxy could dial");
}

void SayTo(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

std::string HearOf(int fd, std::string_view until, std::chrono::milliseconds patience) {
  std::string heard;
  char buffer[4096];
  pollfd ready{.fd = fd, .events = POLLIN, .revents = 0};
  while ((until.empty() || heard.find(until) == std::string::npos) &&
         ::poll(&ready, 1, static_cast<int>(patience.count())) == 1) {
    const ssize_t got = ::recv(fd, buffer, sizeof buffer, 0);
    if (got <= 0) break;
    heard.append(buffer, static_cast<std::size_t>(got));
  }
  return heard;
}

}  // namespace workmux::test
