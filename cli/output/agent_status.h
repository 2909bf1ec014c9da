#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace workmux::cli {

// "working", "waiting", "done"; empty for a cleared or unknown one. `status` is
// a control::v1::AgentStatus by number.
std::string_view StatusWord(int status);

// "working" or, with several, "2 working 1 done"; with icons as "2🤖 1✅".
std::string StatusSummary(const std::vector<std::string>& words, bool icons);

// "now", "5m", "3h", "2d", "4w", "7mo", "1y".
std::string FormatAge(long long seconds);

}  // namespace workmux::cli
