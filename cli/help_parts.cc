#include <algorithm>

#include "cli/help_text.h"
#include "common/base/strings.h"

namespace workmux::cli {

std::string HelpSummary(std::string_view help) {
  const auto start = help.find("\n\n");
  if (start == std::string_view::npos) return {};
  const std::string_view rest = help.substr(start + 2);
  std::string summary(rest.substr(0, rest.find("\n\n")));
  std::replace(summary.begin(), summary.end(), '\n', ' ');
  return std::string(Trim(summary));
}

std::string HelpDetails(std::string_view help) {
  const auto title = help.find("\n\n");
  if (title == std::string_view::npos) return {};
  const auto start = help.find("\n\n", title + 2);
  return start == std::string_view::npos ? std::string() : std::string(Trim(help.substr(start)));
}

}  // namespace workmux::cli
