#pragma once

#include <span>
#include <string>
#include <string_view>

namespace workmux::cli {

// The candidate that `word` was probably meant to be, or an empty string: the
// fewest edits, at most a third of the word's length and never fewer than one.
std::string NearestMatch(std::string_view word, std::span<const std::string> candidates);

}  // namespace workmux::cli
