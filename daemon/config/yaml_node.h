#pragma once

// A parsed YAML value with its place in the file. Independent of any YAML library.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace workmux::daemon {

// 1-based; a column counts characters, not bytes.
struct YamlPlace {
  int line = 1;
  int column = 1;
};

struct YamlNode {
  enum class Kind { kNull, kScalar, kSequence, kMap };
  struct Key {
    std::string name;
    YamlPlace place;
  };

  Kind kind = Kind::kNull;
  YamlPlace place;
  std::string scalar;
  // A plain scalar is written without quotes: only then can it be a number or a bool.
  bool plain = false;
  std::vector<YamlNode> items;
  struct Entry;
  std::vector<Entry> entries;  // in file order, keys are unique

  bool IsNull() const { return kind == Kind::kNull; }
  bool IsScalar() const { return kind == Kind::kScalar; }
  bool IsSequence() const { return kind == Kind::kSequence; }
  bool IsMap() const { return kind == Kind::kMap; }
};

struct YamlNode::Entry {
  Key first;
  YamlNode second;
};

// Equal in content; places do not count.
bool SameValue(const YamlNode& a, const YamlNode& b);

// For messages: `the number 12`, `the text "x"`, `a list`; safe for a terminal.
std::string DescribeValue(const YamlNode& node);

// The YAML 1.2 core schema (section 10.3.2) for plain scalars.
bool IsCoreBool(const YamlNode& node, bool& value);
bool IsCoreNumber(const YamlNode& node);

}  // namespace workmux::daemon
