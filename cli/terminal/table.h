#pragma once

#include <string>
#include <vector>

namespace workmux::cli {

// Columns as wide as their widest cell, two blanks between them, no trailing
// blanks. Cells are reduced to harmless characters; an empty one shows as "-".
std::string FormatTable(const std::vector<std::string>& header,
                        const std::vector<std::vector<std::string>>& rows);

// Columns that `text` takes on a terminal: combining marks none, East Asian wide
// characters and emoji two (UAX #11, by blocks).
std::size_t DisplayWidth(std::string_view text);

}  // namespace workmux::cli
