#pragma once

#include <absl/status/status.h>

#include <filesystem>
#include <string_view>

#include "common/process/command.h"

namespace workmux::control::v1 {
class InvocationContext;
}

namespace workmux::cli {

// Where a command was called.
struct Invocation {
  Env env;
  std::filesystem::path cwd;
  std::filesystem::path cli_path;
  bool interactive = false;
};

// Protobuf refuses a whole message for one string that is not UTF-8, so such a
// variable is left out, and such a directory is an error.
absl::Status FillContext(const Invocation& invocation, control::v1::InvocationContext& context);

// The few variables that name a pane and the configuration, for calls that agents
// make all the time.
absl::Status FillPaneContext(const Invocation& invocation, control::v1::InvocationContext& context);

// RFC 3629.
bool IsUtf8(std::string_view text);

// kInvalidArgument naming `what` unless `text` is UTF-8.
absl::Status CheckUtf8(std::string_view text, std::string_view what);

}  // namespace workmux::cli
