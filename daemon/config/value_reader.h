#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <absl/status/statusor.h>

#include "daemon/config/yaml_node.h"

namespace workmux::daemon {

// Reads the value of one key and makes errors and warnings that name its place:
// "<file>:line:column: <key>: text". Cheap to copy; `warnings` outlives it.
class ValueReader {
 public:
  ValueReader(std::string file, std::string key, std::vector<std::string>* warnings)
      : file_(std::move(file)), key_(std::move(key)), warnings_(warnings) {}

  const std::string& key() const { return key_; }
  // The same file, another key: "panes[1].size".
  ValueReader For(std::string key) const { return {file_, std::move(key), warnings_}; }

  absl::Status Error(YamlPlace place, std::string_view text) const;
  void Warn(YamlPlace place, std::string_view text) const;

  // Numbers and bools written without quotes are not text, as in YAML's core schema.
  absl::StatusOr<std::string> Text(const YamlNode& node) const;
  // Text of one line without control characters: what ends up in names and titles.
  absl::StatusOr<std::string> Line(const YamlNode& node) const;
  absl::StatusOr<bool> Bool(const YamlNode& node) const;
  absl::StatusOr<int> Integer(const YamlNode& node, int min, int max) const;
  absl::StatusOr<std::vector<std::string>> TextList(const YamlNode& node) const;
  // Index into `choices`; `later` are refused with a text of their own.
  absl::StatusOr<std::size_t> Choice(const YamlNode& node, std::string_view choices,
                                     std::string_view later) const;
  absl::Status RequireMap(const YamlNode& node) const;
  absl::Status RequireList(const YamlNode& node) const;
  // An error at the first entry of the map that is not in `known`: for maps in which a
  // slip would give a sandbox something else than meant.
  absl::Status RequireKnownKeys(const YamlNode& map,
                                const std::vector<std::string_view>& known) const;
  // Warns of the entries of the map that are not in `known`.
  void WarnOfUnknownKeys(const YamlNode& map, const std::vector<std::string_view>& known) const;

 private:
  std::string file_;
  std::string key_;
  std::vector<std::string>* warnings_;
};

// ` (did you mean "x"?)` for the nearest candidate, empty when none is near.
std::string Suggestion(std::string_view word, const std::vector<std::string_view>& candidates);

// POSIX.1-2017, 3.235: what a shell can assign to.
bool IsVariableName(std::string_view name);

}  // namespace workmux::daemon
