#pragma once

#include <absl/status/statusor.h>

#include <string>
#include <string_view>

#include "daemon/adapters/container/run_argv.h"

namespace workmux::daemon {

// What a firewall around a container cannot hold is refused with the key's name: it could
// be taken away from inside, or its programs have a network of another kernel's. Pure.
// RUNTIME_OPTION_UNSUPPORTED.
absl::Status CheckFirewallOptions(const SandboxConfig& config);

// The helper's name. It carries no label of the sandbox's: it is none, and is gone within
// the call that makes it.
std::string FirewallHelperName(std::string_view sandbox);

// `<runtime> run` of a helper that enters the running sandbox's network namespace, puts
// the rules of spec.firewall up (guest/firewall/apply.h) and goes. It sees nothing of the
// user's: the image, the guest program, and a terminal-less standard output. Pure.
absl::StatusOr<EngineCall> BuildFirewallCall(const RuntimeTraits& traits, const SandboxSpec& spec);

}  // namespace workmux::daemon
