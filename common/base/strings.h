#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace workmux {

// Splits at every `separator`; an empty input gives one empty piece.
std::vector<std::string> Split(std::string_view text, char separator);
// Lines without their '\n' (and a '\r' before it); a final newline adds no empty line.
std::vector<std::string> SplitLines(std::string_view text);
std::string Join(std::span<const std::string> pieces, std::string_view separator);
// Without ASCII white space at both ends.
std::string_view Trim(std::string_view text);
// Nothing but a decimal number that fits, or nullopt-like false.
bool ParseInt(std::string_view text, long long& value);

// `text` as it may be shown on a terminal or in a log: control characters (C0,
// C1, DEL), invalid UTF-8 and bidirectional controls (UAX #9) become '?'.
std::string Printable(std::string_view text);

// The last `limit` lines, printable, in one line: "a; b".
std::string LastLines(std::string_view text, std::size_t limit);

// "1 commit", "0 commits", "2 commits": for nouns with a regular plural.
std::string Counted(std::size_t count, std::string_view noun);

}  // namespace workmux
