#pragma once

#include <span>
#include <string>

namespace workmux::guest {

// Runs `workmux ARGS…` as it is inside a sandbox; returns the exit code: 0, 1
// when it failed, 2 for a wrong call.
int RunWorkmux(std::span<const std::string> arguments);

}  // namespace workmux::guest
