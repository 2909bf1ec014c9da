#pragma once

// One file's settings by dotted key, and how two files become one configuration.
// Pure: texts in, configuration out.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include <absl/status/statusor.h>

#include "daemon/config/config.h"
#include "daemon/config/yaml_node.h"

namespace workmux::daemon {

enum class ConfigOrigin { kGlobal, kProject };

struct ConfigText {
  std::string file;  // for messages
  std::string text;
};

struct LayerValue {
  YamlNode node;
  std::string file;
};
using ConfigLayer = std::map<std::string, LayerValue>;

// Parses and validates one file; a key without a value counts as absent. Appends
// to `warnings`: unknown keys, global-only keys in a project file, keys that have
// no effect in this version.
absl::StatusOr<ConfigLayer> ParseLayer(const ConfigText& text, ConfigOrigin origin,
                                       std::vector<std::string>& warnings);

// `project` wins key by key; in lists of hooks and files the item "<global>"
// stands for the global list.
ConfigLayer MergeLayers(ConfigLayer global, const ConfigLayer& project);

// Both files, merged, as plain data. Defaults that depend on the directory
// (panes) are the loader's.
absl::StatusOr<Config> BuildConfig(const std::optional<ConfigText>& global,
                                   const std::optional<ConfigText>& project,
                                   std::vector<std::string>& warnings);

}  // namespace workmux::daemon
