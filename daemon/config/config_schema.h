#pragma once

// Every configuration key that exists, in one table: the loader, the reference
// and completion read nothing else.

#include <span>
#include <string_view>
#include <vector>

namespace workmux::daemon {

enum class KeyType {
  kString,
  kBool,
  kInteger,
  kChoice,
  kQuantity,
  kStringList,
  kList,
  kMap,
  kValue
};

enum class KeyScope {
  kAny,
  kGlobalOnly,  // dropped with a warning in a project file
};

enum class KeySupport {
  kNow,
  // Known, not supported: any value but the default is refused, because going on
  // without it would move the security boundary or do something else than asked.
  kRefused,
  // Known, not supported, and harmless to leave out: a warning.
  kIgnored,
};

struct KeyRow {
  std::string_view name;  // "sandbox.network.policy"
  KeyType type;
  KeyScope scope;
  KeySupport support;
  std::string_view default_value;  // YAML; empty: unset
  std::string_view choices;        // of kChoice: "allow|deny"
  std::string_view later_choices;  // known, refused as not supported yet
  std::string_view doc;            // one line
};

// In the order of the reference; rows of one section stand together.
std::span<const KeyRow> ConfigSchema();

// nullptr when there is no such key. A section ("sandbox") is no key.
const KeyRow* FindKey(std::string_view name);

// True for "sandbox", "sandbox.network", …: what has keys below it.
bool IsSection(std::string_view name);
// True when nothing in the section has an effect in this version.
bool IsIgnoredSection(std::string_view name);

// What may stand below `section` ("" for the top level): last components.
std::vector<std::string_view> KeysBelow(std::string_view section);

std::string_view TypeName(KeyType type);
std::vector<std::string_view> SplitChoices(std::string_view choices);

}  // namespace workmux::daemon
