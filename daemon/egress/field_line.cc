#include "daemon/egress/field_line.h"

#include <algorithm>

#include "common/base/ascii_case.h"

namespace workmux::egress {
namespace {

constexpr std::string_view kEnd = "\r\n";

}  // namespace

bool IsFieldText(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return c == '\t' || (c >= ' ' && c <= '~'); });
}

bool IsToken(std::string_view text) {
  constexpr std::string_view kOther = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           kOther.find(c) != std::string_view::npos;
  });
}

std::string_view TrimBlanks(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

bool EqualsIgnoringCase(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return LowerAscii(x) == LowerAscii(y); });
}

std::optional<FieldLine> ReadFieldLine(std::string_view line) {
  const auto colon = line.find(':');
  const std::string_view name = line.substr(0, colon);
  // A line that begins with a blank would be a folded one: it has no token either.
  if (colon == std::string_view::npos || !IsToken(name)) return std::nullopt;
  return FieldLine{.name = name, .value = TrimBlanks(line.substr(colon + 1))};
}

HeadLines::HeadLines(std::string_view received, const Limits& limits)
    : head_(received.substr(0, limits.head)), limits_(limits) {}

std::optional<std::string_view> HeadLines::Next() {
  const std::size_t end = head_.find(kEnd, at_);
  const bool whole = end != std::string_view::npos;
  const std::string_view line = head_.substr(at_, whole ? end - at_ : end);
  // The half of a line end may still come.
  const std::string_view text =
      !whole && line.ends_with('\r') ? line.substr(0, line.size() - 1) : line;
  if (!IsFieldText(text)) {
    refusal_ = BadHead("a line holds control characters");
  } else if (line.size() > limits_.line) {
    refusal_ = {431, "a line is too long"};
  } else if (!whole && head_.size() == limits_.head) {
    refusal_ = {431, "the head is too long"};
  } else if (whole) {
    at_ = end + kEnd.size();
    return line;
  }
  return std::nullopt;
}

}  // namespace workmux::egress
