#pragma once

#include <span>
#include <string_view>
#include <vector>

namespace workmux::egress {

// What an agent needs to reach to work with its maker's service, as its maker says;
// the source of each list stands beside it. Updates, telemetry and error reports are
// left out: an agent works without them.
std::span<const std::string_view> PresetHosts(std::string_view agent);  // empty: unknown
std::vector<std::string_view> PresetNames();

}  // namespace workmux::egress
