#include "cli/terminal/table.h"

#include <algorithm>
#include <cstdint>
#include <string_view>

#include "common/base/strings.h"

namespace workmux::cli {
namespace {

struct Range {
  std::uint32_t first;
  std::uint32_t last;
};

constexpr Range kZeroWidth[] = {{0x0300, 0x036F}, {0x200B, 0x200D}, {0xFE00, 0xFE0F}};
constexpr Range kWide[] = {{0x1100, 0x115F},   {0x2705, 0x2705},   {0x2E80, 0x303E},
                           {0x3041, 0xA4CF},   {0xAC00, 0xD7A3},   {0xF900, 0xFAFF},
                           {0xFE30, 0xFE6F},   {0xFF00, 0xFF60},   {0xFFE0, 0xFFE6},
                           {0x1F300, 0x1F64F}, {0x1F900, 0x1F9FF}, {0x20000, 0x3FFFD}};

template <std::size_t kSize>
bool IsIn(const Range (&ranges)[kSize], std::uint32_t point) {
  return std::any_of(std::begin(ranges), std::end(ranges),
                     [&](const Range& r) { return point >= r.first && point <= r.last; });
}

// `text` is valid UTF-8: Printable() has seen to it.
std::uint32_t NextPoint(std::string_view& text) {
  const auto lead = static_cast<unsigned char>(text.front());
  const std::size_t length = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  std::uint32_t point = length == 1 ? lead : lead & (0xFFu >> (length + 1));
  for (std::size_t i = 1; i < length && i < text.size(); ++i) {
    point = (point << 6) | (static_cast<unsigned char>(text[i]) & 0x3Fu);
  }
  text.remove_prefix(std::min(length, text.size()));
  return point;
}

}  // namespace

std::size_t DisplayWidth(std::string_view text) {
  std::size_t width = 0;
  while (!text.empty()) {
    const std::uint32_t point = NextPoint(text);
    width += IsIn(kZeroWidth, point) ? 0u : IsIn(kWide, point) ? 2u : 1u;
  }
  return width;
}

std::string FormatTable(const std::vector<std::string>& header,
                        const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::vector<std::string>> lines{header};
  for (const auto& row : rows) {
    auto& line = lines.emplace_back();
    for (const std::string& cell : row) line.push_back(cell.empty() ? "-" : Printable(cell));
  }
  std::vector<std::size_t> widths(header.size(), 0);
  for (const auto& line : lines) {
    for (std::size_t i = 0; i < line.size() && i < widths.size(); ++i) {
      widths[i] = std::max(widths[i], DisplayWidth(line[i]));
    }
  }
  std::string table;
  for (const auto& line : lines) {
    for (std::size_t i = 0; i < line.size() && i < widths.size(); ++i) {
      table += line[i];
      if (i + 1 < line.size()) table.append(widths[i] - DisplayWidth(line[i]) + 2, ' ');
    }
    table += '\n';
  }
  return table;
}

}  // namespace workmux::cli
