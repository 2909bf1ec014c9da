#pragma once

#include <string>
#include <string_view>

namespace workmux::cli {

// The text of cli/help/<name>.md, empty when there is none. The first paragraph
// below the title is the summary; what follows stands after the options.
std::string_view HelpText(std::string_view name);
std::string HelpSummary(std::string_view help);  // in one line
std::string HelpDetails(std::string_view help);

}  // namespace workmux::cli
