#include "tests/bench/egress/target.h"

#include <absl/strings/escaping.h>
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "common/base/strings.h"
#include "tests/support/tls_hello.h"

namespace workmux::bench {
namespace {

using std::chrono::steady_clock;

constexpr std::size_t kChunk = 4096;
constexpr std::string_view kScheme = "http://";

std::size_t Receive(int fd, char* buffer, std::size_t size) {
  for (;;) {
    const ssize_t got = ::recv(fd, buffer, size, 0);
    if (got > 0) return static_cast<std::size_t>(got);
    if (got == 0) Die("the other side ended the connection");
    if (errno != EINTR) Die(std::string("recv: ") + std::strerror(errno));
  }
}

}  // namespace

void Die(const std::string& message) {
  std::fprintf(stderr, "%s\n", message.c_str());
  std::exit(1);
}

sockaddr_in ParseEndpoint(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  long long port = 0;
  sockaddr_in address{};
  address.sin_family = AF_INET;
  if (colon == std::string_view::npos || !ParseInt(text.substr(colon + 1), port) || port < 1 ||
      port > 65535 ||
      ::inet_pton(AF_INET, std::string(text.substr(0, colon)).c_str(), &address.sin_addr) != 1) {
    Die("no ADDRESS:PORT: " + std::string(text));
  }
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  return address;
}

Target ParseTarget(std::string_view where, const std::string& host) {
  Target target;
  target.hello = test::TlsHelloFor(host);
  if (where.starts_with(kScheme)) {
    where.remove_prefix(kScheme.size());
    target.request = "CONNECT " + host + ":443 HTTP/1.1\r\nHost: " + host + ":443\r\n";
    if (const std::size_t at = where.rfind('@'); at != std::string_view::npos) {
      target.request += "Proxy-Authorization: Basic " +
                        absl::Base64Escape(std::string(where.substr(0, at))) + "\r\n";
      where.remove_prefix(at + 1);
    }
    target.request += "\r\n";
    if (where.ends_with('/')) where.remove_suffix(1);
  }
  target.address = ParseEndpoint(where);
  return target;
}

bool IsEstablished(std::string_view received, std::size_t& size) {
  const std::size_t end = received.find("\r\n\r\n");
  if (end == std::string_view::npos) return false;
  const std::size_t status = received.find(" 200");
  if (status == std::string_view::npos || status > sizeof "HTTP/1.1")
    Die("refused: " + std::string(received));
  size = end + 4;
  return true;
}

void SendAll(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent > 0) {
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno != EINTR) {
      Die(std::string("send: ") + std::strerror(errno));
    }
  }
}

Tunnel OpenTunnel(const Target& target) {
  Tunnel tunnel;
  tunnel.fd = UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int fd = tunnel.fd.get();
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&target.address), sizeof target.address) != 0)
    Die(std::string("connect: ") + std::strerror(errno));
  std::array<char, kChunk> buffer;
  const auto begun = steady_clock::now();
  if (!target.request.empty()) {
    SendAll(fd, target.request);
    std::string received;
    std::size_t size = 0;
    do {
      received.append(buffer.data(), Receive(fd, buffer.data(), buffer.size()));
    } while (!IsEstablished(received, size));
    if (received.size() > size) Die("bytes of the server before the client's first");
  }
  SendAll(fd, target.hello);
  std::size_t echoed = Receive(fd, buffer.data(), 1);
  tunnel.took = steady_clock::now() - begun;
  while (echoed < target.hello.size())
    echoed += Receive(fd, buffer.data(), target.hello.size() - echoed);
  return tunnel;
}

void CloseTunnel(Tunnel tunnel) {
  ::shutdown(tunnel.fd.get(), SHUT_WR);
  std::array<char, kChunk> buffer;
  while (::recv(tunnel.fd.get(), buffer.data(), buffer.size(), 0) > 0) {
  }
}

std::string AskFor(std::uint64_t bytes) {
  std::string ask = "D";
  for (int shift = 56; shift >= 0; shift -= 8) ask += static_cast<char>(bytes >> shift);
  return ask;
}

}  // namespace workmux::bench
