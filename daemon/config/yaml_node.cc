#include "daemon/config/yaml_node.h"

#include <algorithm>
#include <cctype>

#include "common/base/format.h"
#include "common/base/strings.h"

namespace workmux::daemon {
namespace {

constexpr std::size_t kMaxShown = 60;  // bytes of a value repeated in a message

bool IsDigit(char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; }

std::size_t SkipDigits(std::string_view text, std::size_t at) {
  while (at < text.size() && IsDigit(text[at])) ++at;
  return at;
}

bool IsDecimal(std::string_view text) {
  const std::size_t whole = SkipDigits(text, 0);
  std::size_t at = whole;
  bool digits = whole > 0;
  if (at < text.size() && text[at] == '.') {
    const std::size_t fraction = SkipDigits(text, at + 1);
    digits = digits || fraction > at + 1;
    at = fraction;
  }
  if (!digits) return false;
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
    const std::size_t exponent = SkipDigits(text, at);
    if (exponent == at) return false;
    at = exponent;
  }
  return at == text.size();
}

bool IsBased(std::string_view text, std::string_view prefix, std::string_view digits) {
  return text.size() > prefix.size() && text.substr(0, prefix.size()) == prefix &&
         text.find_first_not_of(digits, prefix.size()) == std::string_view::npos;
}

}  // namespace

bool SameValue(const YamlNode& a, const YamlNode& b) {
  if (a.kind != b.kind || a.scalar != b.scalar || a.plain != b.plain) return false;
  const auto same_entry = [](const auto& x, const auto& y) {
    return x.first.name == y.first.name && SameValue(x.second, y.second);
  };
  return std::equal(a.items.begin(), a.items.end(), b.items.begin(), b.items.end(), SameValue) &&
         std::equal(a.entries.begin(), a.entries.end(), b.entries.begin(), b.entries.end(),
                    same_entry);
}

bool IsCoreBool(const YamlNode& node, bool& value) {
  if (!node.IsScalar() || !node.plain) return false;
  const std::string& text = node.scalar;
  value = text == "true" || text == "True" || text == "TRUE";
  return value || text == "false" || text == "False" || text == "FALSE";
}

bool IsCoreNumber(const YamlNode& node) {
  if (!node.IsScalar() || !node.plain) return false;
  std::string_view text = node.scalar;
  if (IsBased(text, "0o", "01234567") || IsBased(text, "0x", "0123456789abcdefABCDEF")) return true;
  if (text == ".nan" || text == ".NaN" || text == ".NAN") return true;
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) text.remove_prefix(1);
  return text == ".inf" || text == ".Inf" || text == ".INF" || IsDecimal(text);
}

std::string DescribeValue(const YamlNode& node) {
  switch (node.kind) {
    case YamlNode::Kind::kNull:
      return "nothing";
    case YamlNode::Kind::kSequence:
      return "a list";
    case YamlNode::Kind::kMap:
      return "a map";
    case YamlNode::Kind::kScalar:
      break;
  }
  std::string shown = Printable(node.scalar.substr(0, kMaxShown));
  if (node.scalar.size() > kMaxShown) shown += "...";
  bool value = false;
  if (IsCoreBool(node, value)) return shown;
  if (IsCoreNumber(node)) return Format("the number {}", shown);
  return Format("the text \"{}\"", shown);
}

}  // namespace workmux::daemon
