#pragma once

#include <asio/ip/address.hpp>

#include <vector>

#include "daemon/egress/address_class.h"

namespace workmux::test {

// The registries of special addresses as they are written, read in another way than the
// product does, without zones.
egress::Reach RegisteredReach(const asio::ip::address& address);

// "10.0.0.0/8": the blocks of IPv4 that are not public.
const std::vector<const char*>& SpecialV4();

}  // namespace workmux::test
