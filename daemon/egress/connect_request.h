#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace workmux::egress {

// The head of a request to a proxy, RFC 9110 9.3.6 and RFC 9112 3.2.3, read strictly:
// CONNECT in authority form to port 443, lines ended by CR LF, no folding, no body, at
// most one Host, which says the same. What could be read in two ways is refused.
struct ConnectRequest {
  std::string host;           // NormalHost
  std::string authorization;  // value of Proxy-Authorization; empty: none
  std::size_t size = 0;       // bytes of the head; what follows belongs to the tunnel
};

struct ConnectParse {
  enum class State { kIncomplete, kComplete, kRefused };
  State state = State::kIncomplete;
  ConnectRequest request;   // kComplete
  int http_status = 0;      // kRefused: 400, 403, 405 or 431
  std::string_view reason;  // kRefused: a few words, of ours
};

// `received`: everything since the connection's first byte. Pure; looks at no more than
// kMaxHead bytes.
inline constexpr std::size_t kMaxHead = 8192;
ConnectParse ParseConnect(std::string_view received);

// The password of `Basic` credentials (RFC 7617) for any user; empty when it is none.
std::string BasicPassword(std::string_view authorization);

}  // namespace workmux::egress
