#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace workmux::daemon {

// The bit of a capability, by its name as cap_add takes it ("NET_RAW",
// "cap_net_raw"); none for a name that capabilities(7) does not have.
std::optional<std::uint64_t> CapabilityBit(std::string_view name);

// "cap_net_raw, cap_sys_admin"; bits without a name as hexadecimal; "none".
std::string CapabilityNames(std::uint64_t bits);

}  // namespace workmux::daemon
