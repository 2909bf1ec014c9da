#pragma once

#include <absl/status/statusor.h>

#include <string>
#include <string_view>
#include <vector>

#include "common/process/command.h"

namespace workmux::daemon {

// How the environment of a container's command reaches the engine's client
// without standing in its arguments.
struct EnvDelivery {
  std::vector<std::string> arguments;  // --env-file /proc/self/fd/N, -e NAME …
  InheritedFile file;                  // what --env-file reads
  Env client_env;                      // values for the `-e NAME`s
};

// Most values go through the file. What its format cannot hold (line breaks,
// text that is not UTF-8, more than 32 KiB) goes through the client's own
// environment. `descriptors` is the directory in which the client finds its own
// descriptors ("/proc/self/fd"). kInvalidArgument (ENV_VALUE_REFUSED) when that would change what
// the client itself does. Pure.
absl::StatusOr<EnvDelivery> DeliverEnv(const Env& env, std::string_view descriptors,
                                       int file_number);

}  // namespace workmux::daemon
