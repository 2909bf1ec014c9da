#pragma once

#include <absl/status/statusor.h>

#include <span>
#include <string_view>

namespace workmux::daemon {

// How container runtimes differ, as data. Whether an engine is rootless is no
// trait: it is a fact about one installation and has to be asked for.
struct RuntimeTraits {
  std::string_view name;       // value of sandbox.container.runtime
  std::string_view program;    // the client, looked up in PATH
  std::string_view host_name;  // by which containers reach the host
  bool add_host = false;       // host_name must be given with --add-host
  std::string_view network;    // the default bridge network
  std::string_view install_hint;
};

std::span<const RuntimeTraits> AllRuntimeTraits();

// kInvalidArgument for a runtime that is not in the table.
absl::StatusOr<RuntimeTraits> RuntimeTraitsFor(std::string_view name);

}  // namespace workmux::daemon
