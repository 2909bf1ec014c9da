#pragma once

#include <string_view>

#include "common/process/command.h"

namespace workmux::daemon {

// Tells the service manager a state such as "READY=1" (sd_notify(3)). Does
// nothing without NOTIFY_SOCKET; failure is not an error of ours.
void NotifyServiceManager(const Env& env, std::string_view state);

}  // namespace workmux::daemon
