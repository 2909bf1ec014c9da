#pragma once

#include <string_view>

#include <absl/status/status.h>

#include "daemon/config/config.h"
#include "daemon/config/value_reader.h"

namespace workmux::daemon {

// True for the keys of the schema that are supported now.
bool HasBinding(std::string_view key);

// Validates the value of the key that `reader` names and writes it to its place in
// `config`. kInternal when the key has no binding.
absl::Status ApplyValue(const ValueReader& reader, const YamlNode& node, Config& config);

}  // namespace workmux::daemon
