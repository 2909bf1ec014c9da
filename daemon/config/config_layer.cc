#include "daemon/config/config_layer.h"

#include <algorithm>
#include <array>

#include "common/base/status.h"
#include "common/base/strings.h"
#include "daemon/config/config_binding.h"
#include "daemon/config/config_schema.h"
#include "daemon/config/value_reader.h"
#include "daemon/config/yaml_parser.h"

namespace workmux::daemon {
namespace {

constexpr std::string_view kGlobalItem = "<global>";
constexpr std::array<std::string_view, 5> kExpandingKeys = {
    "post_create", "pre_merge", "pre_remove", "files.copy", "files.symlink"};

bool Expands(std::string_view key) {
  return std::find(kExpandingKeys.begin(), kExpandingKeys.end(), key) != kExpandingKeys.end();
}

bool IsGlobalItem(const YamlNode& node) { return node.IsScalar() && node.scalar == kGlobalItem; }

bool IsDefault(const KeyRow& row, const YamlNode& node) {
  if (row.default_value.empty()) return false;
  const absl::StatusOr<YamlNode> value = ParseYamlValue(row.default_value);
  if (!value.ok()) return false;
  if (value->IsScalar() && node.IsScalar()) return value->scalar == node.scalar;
  return SameValue(*value, node);
}

// Walks one file's tree along the schema.
class LayerParser {
 public:
  LayerParser(std::string file, ConfigOrigin origin, std::vector<std::string>& warnings)
      : file_(std::move(file)), origin_(origin), warnings_(warnings) {}

  absl::Status Section(const std::string& section, const YamlNode& map) {
    for (const auto& [key, value] : map.entries) {
      const std::string name = section.empty() ? key.name : section + "." + key.name;
      // "sandbox.enabled: true" in one line is no second way to write a nested key.
      if (key.name.find('.') != std::string::npos) {
        WM_RETURN_IF_ERROR(Unknown(section, key));
      } else if (const KeyRow* row = FindKey(name)) {
        WM_RETURN_IF_ERROR(Value(*row, key.place, value));
      } else if (!IsSection(name)) {
        WM_RETURN_IF_ERROR(Unknown(section, key));
      } else if (IsIgnoredSection(name)) {
        if (!value.IsNull()) Warn(key.place, Format("{} is not supported yet, ignored", name));
      } else if (!value.IsNull()) {
        WM_RETURN_IF_ERROR(Reader(name).RequireMap(value));
        WM_RETURN_IF_ERROR(Section(name, value));
      }
    }
    return absl::OkStatus();
  }

  ConfigLayer Take() { return std::move(layer_); }

 private:
  ValueReader Reader(std::string_view key) const { return {file_, std::string(key), &warnings_}; }

  void Warn(YamlPlace place, std::string_view text) const { Reader("").Warn(place, text); }

  absl::Status Value(const KeyRow& row, YamlPlace place, const YamlNode& node) {
    if (node.IsNull()) return absl::OkStatus();
    if (row.scope == KeyScope::kGlobalOnly && origin_ == ConfigOrigin::kProject) {
      Warn(place, Format("{} may only be set in the global file, ignored", row.name));
      return absl::OkStatus();
    }
    if (row.support != KeySupport::kNow) return Unsupported(row, place, node);
    if (Expands(row.name) && origin_ == ConfigOrigin::kGlobal) {
      WM_RETURN_IF_ERROR(RefuseGlobalItem(row, node));
    }
    Config scratch;
    WM_RETURN_IF_ERROR(ApplyValue(Reader(row.name), node, scratch));
    layer_[std::string(row.name)] = {node, file_};
    return absl::OkStatus();
  }

  absl::Status Unsupported(const KeyRow& row, YamlPlace place, const YamlNode& node) const {
    if (IsDefault(row, node)) return absl::OkStatus();
    const std::string text = Format("{} is not supported yet", row.name);
    if (row.support == KeySupport::kRefused) {
      return WithHint(YamlError(file_, place, text), Format("Remove {} from the file.", row.name));
    }
    Warn(place, text + ", ignored");
    return absl::OkStatus();
  }

  absl::Status RefuseGlobalItem(const KeyRow& row, const YamlNode& node) const {
    for (const YamlNode& item : node.items) {
      if (!IsGlobalItem(item)) continue;
      return Reader(row.name).Error(item.place, "<global> has a meaning only in a project file");
    }
    return absl::OkStatus();
  }

  absl::Status Unknown(const std::string& section, const YamlNode::Key& key) const {
    std::string suggestion = Suggestion(key.name, KeysBelow(section));
    if (suggestion.empty()) suggestion = Misplaced(key.name);
    const std::string where = section.empty() ? "" : Format(" in {}", section);
    const std::string text =
        Format("unknown key \"{}\"{}{}", Printable(key.name).substr(0, 80), where, suggestion);
    // A slip in `sandbox` or below it must not switch a protection off.
    const std::string name = section.empty() ? key.name : section + "." + key.name;
    if (name.starts_with("sandbox.") || suggestion == Suggestion("sandbox", {"sandbox"})) {
      return YamlError(file_, key.place, text);
    }
    Warn(key.place, text + ", ignored");
    return absl::OkStatus();
  }

  // A key that exists elsewhere: "image" at the top level.
  static std::string Misplaced(std::string_view key) {
    for (const KeyRow& row : ConfigSchema()) {
      const std::vector<std::string> parts = Split(row.name, '.');
      if (std::find(parts.begin(), parts.end(), key) == parts.end()) continue;
      std::string name;
      for (const std::string& part : parts) {
        name += (name.empty() ? "" : ".") + part;
        if (part == key) break;
      }
      return Format(" (did you mean \"{}\"?)", name);
    }
    return {};
  }

  const std::string file_;
  const ConfigOrigin origin_;
  std::vector<std::string>& warnings_;
  ConfigLayer layer_;
};

void ExpandGlobalItem(YamlNode& list, const YamlNode* global) {
  std::vector<YamlNode> items;
  for (YamlNode& item : list.items) {
    if (!IsGlobalItem(item)) {
      items.push_back(std::move(item));
    } else if (global != nullptr) {
      items.insert(items.end(), global->items.begin(), global->items.end());
    }
  }
  list.items = std::move(items);
}

}  // namespace

absl::StatusOr<ConfigLayer> ParseLayer(const ConfigText& text, ConfigOrigin origin,
                                       std::vector<std::string>& warnings) {
  WM_ASSIGN_OR_RETURN(const YamlNode root, ParseYaml(text.text, text.file));
  LayerParser parser(text.file, origin, warnings);
  WM_RETURN_IF_ERROR(parser.Section("", root));
  return parser.Take();
}

ConfigLayer MergeLayers(ConfigLayer global, const ConfigLayer& project) {
  for (auto [key, value] : project) {
    const auto inherited = global.find(key);
    if (Expands(key)) {
      ExpandGlobalItem(value.node, inherited == global.end() ? nullptr : &inherited->second.node);
    }
    global[key] = std::move(value);
  }
  return global;
}

absl::StatusOr<Config> BuildConfig(const std::optional<ConfigText>& global,
                                   const std::optional<ConfigText>& project,
                                   std::vector<std::string>& warnings) {
  ConfigLayer merged;
  if (global) {
    WM_ASSIGN_OR_RETURN(merged, ParseLayer(*global, ConfigOrigin::kGlobal, warnings));
  }
  if (project) {
    WM_ASSIGN_OR_RETURN(const ConfigLayer layer,
                        ParseLayer(*project, ConfigOrigin::kProject, warnings));
    merged = MergeLayers(std::move(merged), layer);
  }
  Config config;
  std::vector<std::string> repeated;  // each layer has given its warnings already
  for (const auto& [key, value] : merged) {
    WM_RETURN_IF_ERROR(ApplyValue(ValueReader(value.file, key, &repeated), value.node, config));
  }
  return config;
}

}  // namespace workmux::daemon
