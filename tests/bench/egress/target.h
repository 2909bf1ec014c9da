#pragma once

#include <netinet/in.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/unique_fd.h"

namespace workmux::bench {

// Ends the program with the message.
[[noreturn]] void Die(const std::string& message);
// "ADDRESS:PORT", IPv4.
sockaddr_in ParseEndpoint(std::string_view text);

// What stands between the client and the server; the bytes sent are the same for all.
struct Target {
  sockaddr_in address{};
  std::string request;  // "CONNECT …"; empty: bytes go to the server as they are
  std::string hello;    // a TLS client hello that names the server
};

// `where` is "ADDRESS:PORT" or, of a proxy, "http://[USER:PASSWORD@]ADDRESS:PORT".
Target ParseTarget(std::string_view where, const std::string& host);

// Whether `received` begins with a whole answer to CONNECT; `size` is the answer's
// length. Ends the program when it is a refusal.
bool IsEstablished(std::string_view received, std::size_t& size);

struct Tunnel {
  UniqueFd fd;
  std::chrono::nanoseconds took{};  // first byte of the request to first echoed byte
};
// Blocks. Ends the program on any failure.
Tunnel OpenTunnel(const Target& target);
// Until the other side has ended too.
void CloseTunnel(Tunnel tunnel);

void SendAll(int fd, std::string_view bytes);
// What a server is asked for behind the hello: 'E' echoes what follows, 'D' with eight
// bytes sends so many.
std::string AskFor(std::uint64_t bytes);

}  // namespace workmux::bench
