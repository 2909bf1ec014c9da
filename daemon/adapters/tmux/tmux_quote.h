#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace workmux::daemon {

// One tmux command: its name and arguments, each meant literally.
using TmuxCommand = std::vector<std::string>;

// The command as one line of tmux's own command language (tmux(1), COMMAND
// PARSING AND EXECUTION), without the newline. No character of an argument has a
// meaning there: separators, quotes, '$', '~', '#', newlines and controls are
// written as octal escapes. NUL ends an argument, as in an argv.
std::string QuoteForTmux(std::span<const std::string> command);

// The arguments of one tmux process that runs all `commands` in order. tmux
// takes a trailing ';' of any argument as the separator; here it is escaped.
std::vector<std::string> BatchArguments(std::span<const TmuxCommand> commands);

}  // namespace workmux::daemon
