#pragma once

#include <string>
#include <string_view>

namespace workmux::daemon {

// tmux's own default of window-status-format, options-table.c.
inline constexpr std::string_view kDefaultWindowStatusFormat =
    "#I:#W#{?window_flags,#{window_flags}, }";

// `format` (a value of window-status-format or window-status-current-format)
// with the part that shows @workmux_status, before the window's flags or at the
// end. Unchanged when it shows it already.
std::string WithStatusIcon(std::string_view format);

// An icon as it may be stored: text and style codes #[…] stay; every other '#'
// goes, so that no reader of the option, not even #{E:…}, finds #(…) or #{…}.
// Controls go too; longer than 64 bytes is cut at a character.
std::string ReduceIcon(std::string_view icon);

}  // namespace workmux::daemon
