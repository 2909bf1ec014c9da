#include "daemon/domain/display_text.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

namespace workmux::daemon {
namespace {

struct LetterRange {
  char32_t first;
  char32_t last;
  std::uint8_t columns;
};

// Blocks of the Unicode Character Database whose code points are letters
// (general category L*), without the marks, signs and fillers among them.
// Columns follow EastAsianWidth.txt: W and F are two.
constexpr auto kLetters = std::to_array<LetterRange>({
    {0x00AA, 0x00AA, 1}, {0x00B5, 0x00B5, 1}, {0x00BA, 0x00BA, 1},   {0x00C0, 0x00D6, 1},
    {0x00D8, 0x00F6, 1}, {0x00F8, 0x02AF, 1}, {0x0370, 0x0373, 1},   {0x0386, 0x0386, 1},
    {0x0388, 0x03F5, 1}, {0x03F7, 0x0481, 1}, {0x048A, 0x0556, 1},   {0x0561, 0x0587, 1},
    {0x05D0, 0x05EA, 1}, {0x0620, 0x064A, 1}, {0x0671, 0x06D3, 1},   {0x0904, 0x0939, 1},
    {0x0985, 0x09B9, 1}, {0x0B85, 0x0BB9, 1}, {0x0E01, 0x0E30, 1},   {0x10A0, 0x10FA, 1},
    {0x1E00, 0x1FBC, 1}, {0x3041, 0x3096, 2}, {0x30A1, 0x30FA, 2},   {0x30FC, 0x30FE, 2},
    {0x3105, 0x312F, 2}, {0x3131, 0x3163, 2}, {0x3400, 0x4DBF, 2},   {0x4E00, 0x9FFF, 2},
    {0xAC00, 0xD7A3, 2}, {0xF900, 0xFAFF, 2}, {0x20000, 0x2FA1F, 2}, {0x30000, 0x3134F, 2},
});

int LetterColumns(char32_t c) {
  const auto range = std::find_if(kLetters.begin(), kLetters.end(), [c](const LetterRange& r) {
    return c >= r.first && c <= r.last;
  });
  return range == kLetters.end() ? 0 : range->columns;
}

bool IsHarmlessAscii(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view(" ._@+-").find(c) != std::string_view::npos;
}

struct Decoded {
  char32_t code_point;
  std::size_t length;
};

// RFC 3629: shortest form only. nullopt: not a multi-byte sequence.
std::optional<Decoded> DecodeMultiByte(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned lead = byte(0);
  std::size_t length = 0;
  char32_t value = 0;
  if (lead >= 0xC2 && lead <= 0xDF) {
    length = 2;
    value = lead & 0x1F;
  } else if (lead >= 0xE0 && lead <= 0xEF) {
    length = 3;
    value = lead & 0x0F;
  } else if (lead >= 0xF0 && lead <= 0xF4) {
    length = 4;
    value = lead & 0x07;
  }
  if (length == 0 || text.size() < length) return std::nullopt;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return std::nullopt;
    value = (value << 6) | (byte(i) & 0x3Fu);
  }
  if ((length == 3 && value < 0x800) || (length == 4 && value < 0x10000)) return std::nullopt;
  return Decoded{value, length};
}

}  // namespace

std::string DisplayText(std::string_view text) {
  std::string out;
  std::size_t columns = 0;
  const auto take = [&](std::string_view piece, std::size_t width) {
    if (columns + width > kMaxDisplayColumns) return false;
    out += piece;
    columns += width;
    return true;
  };
  while (!text.empty()) {
    std::size_t length = 1;
    bool fits = true;
    if (const char c = text.front(); static_cast<unsigned char>(c) < 0x80) {
      const bool second_blank = c == ' ' && (out.empty() || out.back() == ' ');
      if (IsHarmlessAscii(c) && !second_blank) fits = take(text.substr(0, 1), 1);
    } else if (const auto decoded = DecodeMultiByte(text)) {
      length = decoded->length;
      const int width = LetterColumns(decoded->code_point);
      if (width > 0) fits = take(text.substr(0, length), static_cast<std::size_t>(width));
    }
    if (!fits) break;
    text.remove_prefix(length);
  }
  while (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

}  // namespace workmux::daemon
