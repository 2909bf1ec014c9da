#pragma once

#include <asio/ip/address.hpp>

#include <string_view>

namespace workmux::egress {

enum class Reach {
  kPublic,
  kPrivate,    // networks of an organisation; a rule can open them for one host
  kForbidden,  // nothing that a sandbox could be allowed to reach
};

struct AddressClass {
  Reach reach = Reach::kForbidden;
  std::string_view block;  // "loopback"; empty for kPublic
};

// What an address that a name resolved to leads to. IPv4 in its mapped form is judged
// as IPv4; of IPv6 only the global unicast space is public, so that what is assigned
// later is not reachable until somebody has looked at it. An address with a zone is
// forbidden. Pure.
AddressClass Classify(const asio::ip::address& address);

}  // namespace workmux::egress
