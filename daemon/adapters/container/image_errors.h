#pragma once

#include <absl/status/status.h>

#include <string_view>

#include "daemon/adapters/container/runtime_traits.h"

namespace workmux::daemon {

// What the last lines of a pull or a build that failed mean, in one line with the
// fix (ImageStore::Pull names the reasons). OK when they are about something else.
absl::Status ExplainImageFailure(const RuntimeTraits& traits, std::string_view image,
                                 std::string_view said);

}  // namespace workmux::daemon
