#pragma once

#include <string>
#include <string_view>

#include <absl/status/statusor.h>

#include "daemon/config/yaml_node.h"

namespace workmux::daemon {

// What a hostile file may cost. Aliases are copied, so that both limits on the
// outcome hold after expansion ("billion laughs").
struct YamlLimits {
  int depth = 64;
  std::size_t nodes = 20'000;
  std::size_t scalar_bytes = 4u << 20;
};

// One YAML document of UTF-8 text. An empty document is an empty map at 1:1.
// Refused: NUL, several documents, tags, merge keys (`<<`), duplicate keys, keys
// that are not scalars, an alias inside its own anchor, a top level that is not a map.
//
// Every error is kInvalidArgument, reason CONFIG_INVALID, "<file>:line:column: text".
absl::StatusOr<YamlNode> ParseYaml(std::string_view text, std::string_view file,
                                   const YamlLimits& limits = {});

// The same for one value of any kind, for texts of ours.
absl::StatusOr<YamlNode> ParseYamlValue(std::string_view text);

// "<file>:line:column: text" with code and reason as above.
absl::Status YamlError(std::string_view file, YamlPlace place, std::string_view text);
std::string AtPlace(std::string_view file, YamlPlace place, std::string_view text);

}  // namespace workmux::daemon
