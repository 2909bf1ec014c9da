#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace workmux::daemon {

inline constexpr std::size_t kMaxDisplayColumns = 64;

// What is left of a name or title that others chose (guest, branch, repository):
// [A-Za-z0-9 ._@+-] and letters from U+00A0 on, at most kMaxDisplayColumns wide,
// runs of blanks made one, none at the ends. Everything else is dropped: '#' and
// '%' (tmux formats and strftime), controls, bidirectional and invisible
// characters, invalid UTF-8. May be empty.
std::string DisplayText(std::string_view text);

}  // namespace workmux::daemon
