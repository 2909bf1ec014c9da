#pragma once

#include <openssl/ssl.h>
#include <sys/socket.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "common/base/unique_fd.h"

namespace workmux::test {

// One end of a TLS connection on a stream socket, whose calls block.
class TlsEnd {
 public:
  explicit TlsEnd(UniqueFd socket) : socket_(std::move(socket)) {}

  // False: the other end would not.
  bool Accept(SSL_CTX* context) { return Begin(context) && SSL_accept(ssl_.get()) == 1; }
  bool Connect(SSL_CTX* context, const std::string& host) {
    std::string name = host;
    // As SSL_set_tlsext_host_name(3), a macro that casts.
    return Begin(context) &&
           SSL_ctrl(ssl_.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                    name.data()) == 1 &&
           SSL_set1_host(ssl_.get(), host.c_str()) == 1 && SSL_connect(ssl_.get()) == 1;
  }
  bool Write(std::string_view bytes) {
    std::size_t written = 0;
    return SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &written) == 1;
  }
  // Everything that came until `end` is in it, or the other end has closed.
  std::string ReadUntil(std::string_view end) {
    while (read_.find(end) == std::string::npos && ReadSome()) {
    }
    const auto found = read_.find(end);
    const std::size_t size = found == std::string::npos ? read_.size() : found + end.size();
    std::string taken = read_.substr(0, size);
    read_.erase(0, size);
    return taken;
  }
  std::string ReadAll() {
    while (ReadSome()) {
    }
    return std::exchange(read_, {});
  }
  // Whether the other end said that it closed (RFC 8446 6.1), or just did.
  bool WasClosed() const { return (SSL_get_shutdown(ssl_.get()) & SSL_RECEIVED_SHUTDOWN) != 0; }
  void Close() { SSL_shutdown(ssl_.get()); }
  void Break() { socket_.Reset(); }
  // What is sent to it fails.
  void TakeNoMore() { ::shutdown(socket_.get(), SHUT_RD); }

 private:
  bool Begin(SSL_CTX* context) {
    ssl_.reset(SSL_new(context));
    return ssl_ && SSL_set_fd(ssl_.get(), socket_.get()) == 1;
  }
  bool ReadSome() {
    char buffer[4096];
    std::size_t got = 0;
    if (SSL_read_ex(ssl_.get(), buffer, sizeof buffer, &got) != 1) return false;
    read_.append(buffer, got);
    return true;
  }

  UniqueFd socket_;
  std::unique_ptr<SSL, decltype(&SSL_free)> ssl_{nullptr, &SSL_free};
  std::string read_;
};

}  // namespace workmux::test
