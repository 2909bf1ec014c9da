#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "daemon/egress/credential_rule.h"

namespace workmux::egress {

// The head of a request to a server, RFC 9112 3 and 5, read strictly: HTTP/1.1, origin
// form, lines ended by CR LF, no folding, exactly one Host, one way to tell where the body
// ends. What could be read in two ways is refused.
struct RequestHead {
  enum class Body { kNone, kLength, kChunked };
  std::string method;
  std::string target;
  std::string host;                                         // NormalHost, without a port
  std::vector<std::pair<std::string, std::string>> fields;  // names in lower case; with host
  Body body = Body::kNone;
  std::uint64_t length = 0;  // kLength: bytes
  bool close = false;        // the last request of its connection
  std::size_t size = 0;      // bytes of the head
};

struct RequestParse {
  enum class State { kIncomplete, kComplete, kRefused };
  State state = State::kIncomplete;
  RequestHead head;         // kComplete
  int http_status = 0;      // kRefused: 400, 405, 417, 431, 501 or 505
  std::string_view reason;  // kRefused: a few words, of ours
};

// `received`: everything since the request's first byte. Pure; looks at no more than
// kMaxRequestHead bytes. CONNECT and TRACE, which would show what the daemon adds, are
// refused (405).
inline constexpr std::size_t kMaxRequestHead = 65536;
RequestParse ParseRequest(std::string_view received);

// True for a target with a credential in its query, where nobody can take it out: a
// parameter named as RFC 6750 2.3 has it, or as APIs that take keys there do.
bool HasCredentialInQuery(std::string_view target);

// The head that goes on in place of the one that came: everything that could be a
// credential of somebody's, every field of one connection (RFC 9110 7.6.1) and those that
// turn the request into another one are left out, the answer is asked for unencoded, host
// and framing are written anew, and the rule's header is there with `secret`.
std::string OutgoingHead(const RequestHead& head, const CredentialRule& rule,
                         const std::string& secret);

}  // namespace workmux::egress
