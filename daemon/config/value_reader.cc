#include "daemon/config/value_reader.h"

#include <algorithm>
#include <cctype>

#include "common/base/status.h"
#include "common/base/strings.h"
#include "daemon/config/config_schema.h"
#include "daemon/config/yaml_parser.h"

namespace workmux::daemon {
namespace {

// Optimal string alignment: Levenshtein distance in which swapping two neighbours
// counts as one edit.
std::size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<std::vector<std::size_t>> cost(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) {
    for (std::size_t k = 0; k <= b.size(); ++k) {
      if (i == 0 || k == 0) {
        cost[i][k] = i + k;
        continue;
      }
      const std::size_t substitution = a[i - 1] == b[k - 1] ? 0 : 1;
      cost[i][k] =
          std::min({cost[i - 1][k] + 1, cost[i][k - 1] + 1, cost[i - 1][k - 1] + substitution});
      if (i > 1 && k > 1 && a[i - 1] == b[k - 2] && a[i - 2] == b[k - 1]) {
        cost[i][k] = std::min(cost[i][k], cost[i - 2][k - 2] + 1);
      }
    }
  }
  return cost[a.size()][b.size()];
}

std::string ChoiceList(std::string_view choices) {
  std::string list;
  for (const std::string_view choice : SplitChoices(choices)) {
    if (!list.empty()) list += ", ";
    list += choice;
  }
  return list;
}

}  // namespace

std::string Suggestion(std::string_view word, const std::vector<std::string_view>& candidates) {
  constexpr std::size_t kLongestWord = 64;  // nothing longer is a slip of the fingers
  if (word.size() > kLongestWord) return {};
  std::string_view best;
  std::size_t best_distance = std::max<std::size_t>(1, word.size() / 3) + 1;
  for (const std::string_view candidate : candidates) {
    const std::size_t distance = EditDistance(word, candidate);
    if (distance < best_distance) {
      best = candidate;
      best_distance = distance;
    }
  }
  return best.empty() ? std::string() : Format(" (did you mean \"{}\"?)", best);
}

bool IsVariableName(std::string_view name) {
  const auto fits = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
  };
  return !name.empty() && std::isdigit(static_cast<unsigned char>(name[0])) == 0 &&
         std::all_of(name.begin(), name.end(), fits);
}

absl::Status ValueReader::Error(YamlPlace place, std::string_view text) const {
  return YamlError(file_, place, key_.empty() ? std::string(text) : Format("{}: {}", key_, text));
}

void ValueReader::Warn(YamlPlace place, std::string_view text) const {
  warnings_->push_back(
      AtPlace(file_, place, key_.empty() ? std::string(text) : Format("{}: {}", key_, text)));
}

absl::StatusOr<std::string> ValueReader::Text(const YamlNode& node) const {
  bool value = false;
  if (IsCoreBool(node, value) || IsCoreNumber(node)) {
    return WithHint(Error(node.place, Format("expected text, found {}", DescribeValue(node))),
                    "Put the value in quotes.");
  }
  if (!node.IsScalar()) {
    return Error(node.place, Format("expected text, found {}", DescribeValue(node)));
  }
  return node.scalar;
}

absl::StatusOr<std::string> ValueReader::Line(const YamlNode& node) const {
  WM_ASSIGN_OR_RETURN(std::string text, Text(node));
  if (Printable(text) != text) {
    return Error(node.place, "control characters and line breaks are not allowed");
  }
  return text;
}

absl::StatusOr<bool> ValueReader::Bool(const YamlNode& node) const {
  bool value = false;
  if (IsCoreBool(node, value)) return value;
  return Error(node.place, Format("expected true or false, found {}", DescribeValue(node)));
}

absl::StatusOr<int> ValueReader::Integer(const YamlNode& node, int min, int max) const {
  long long value = 0;
  if (!IsCoreNumber(node) || !ParseInt(node.scalar, value)) {
    return Error(node.place, Format("expected a whole number, found {}", DescribeValue(node)));
  }
  if (value < min || value > max) {
    return Error(node.place, Format("expected a number from {} to {}, found {}", min, max, value));
  }
  return static_cast<int>(value);
}

absl::StatusOr<std::vector<std::string>> ValueReader::TextList(const YamlNode& node) const {
  WM_RETURN_IF_ERROR(RequireList(node));
  std::vector<std::string> list;
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    WM_ASSIGN_OR_RETURN(std::string text, For(Format("{}[{}]", key_, i)).Text(node.items[i]));
    list.push_back(std::move(text));
  }
  return list;
}

absl::StatusOr<std::size_t> ValueReader::Choice(const YamlNode& node, std::string_view choices,
                                                std::string_view later) const {
  const std::vector<std::string_view> now = SplitChoices(choices);
  if (node.IsScalar()) {
    const auto found = std::find(now.begin(), now.end(), node.scalar);
    if (found != now.end()) return static_cast<std::size_t>(found - now.begin());
    for (const std::string_view choice : SplitChoices(later)) {
      if (choice == node.scalar) {
        return Error(node.place,
                     Format("{} is not supported yet, use {}", choice, ChoiceList(choices)));
      }
    }
  }
  return Error(node.place,
               Format("expected one of {}, found {}", ChoiceList(choices), DescribeValue(node)));
}

absl::Status ValueReader::RequireMap(const YamlNode& node) const {
  if (node.IsMap()) return absl::OkStatus();
  return Error(node.place, Format("expected a map, found {}", DescribeValue(node)));
}

absl::Status ValueReader::RequireList(const YamlNode& node) const {
  if (node.IsSequence()) return absl::OkStatus();
  return Error(node.place, Format("expected a list, found {}", DescribeValue(node)));
}

absl::Status ValueReader::RequireKnownKeys(const YamlNode& map,
                                           const std::vector<std::string_view>& known) const {
  for (const auto& [key, value] : map.entries) {
    if (std::find(known.begin(), known.end(), key.name) != known.end()) continue;
    return Error(key.place,
                 Format("unknown key \"{}\"{}", Printable(key.name), Suggestion(key.name, known)));
  }
  return absl::OkStatus();
}

void ValueReader::WarnOfUnknownKeys(const YamlNode& map,
                                    const std::vector<std::string_view>& known) const {
  for (const auto& [key, value] : map.entries) {
    if (std::find(known.begin(), known.end(), key.name) != known.end()) continue;
    Warn(key.place,
         Format("unknown key \"{}\"{}, ignored", Printable(key.name), Suggestion(key.name, known)));
  }
}

}  // namespace workmux::daemon
