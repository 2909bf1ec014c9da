#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace workmux::daemon {

// The text of one git configuration file, git-config(1) "Syntax". Includes are
// not followed, as git does not follow them for `--local` nor when it reads the
// keys that shape a repository (core.bare, core.worktree, extensions.*).
class ConfigFile {
 public:
  // nullopt where git would report a syntax error. Safe for any input.
  static std::optional<ConfigFile> Parse(std::string_view text);

  // The last value of `key` ("section.sub.key"; section and key in any case).
  // A key without "=" has the value "true".
  std::optional<std::string> Get(std::string_view key) const;
  // `fallback` when unset or no boolean.
  bool GetBool(std::string_view key, bool fallback) const;
  bool HasSection(std::string_view section) const;

 private:
  struct Entry {
    std::string key;  // normalised
    std::string value;
  };
  std::vector<Entry> entries_;
  std::vector<std::string> sections_;
};

}  // namespace workmux::daemon
