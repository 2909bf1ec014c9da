#pragma once

#include <string>
#include <string_view>

namespace workmux::egress {

// The answer to a request that is refused, RFC 9112: it tells the program inside why,
// and a person which command on the host would change it. No address of the host's
// networks is in it. `reason` is one of decision.h; `host` is normal or empty. Pure.
std::string RefusalReply(int http_status, std::string_view reason, std::string_view host,
                         std::string_view text);

// The answer after which the connection is a tunnel.
inline constexpr std::string_view kEstablished = "HTTP/1.1 200 Connection Established\r\n\r\n";

// A fatal alert before any answer of the server's, RFC 8446 6: unrecognized_name(112).
inline constexpr std::string_view kNameAlert{"\x15\x03\x03\x00\x02\x02\x70", 7};

}  // namespace workmux::egress
