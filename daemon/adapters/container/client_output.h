#pragma once

#include <string>
#include <string_view>

namespace workmux::daemon {

// A line that a client wrote for a terminal, without CSI sequences (ECMA-48, 5.4)
// and without white space at its end; other control characters become spaces.
std::string PlainLine(std::string_view line);

}  // namespace workmux::daemon
