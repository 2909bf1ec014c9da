#include "cli/output/agent_status.h"

#include <algorithm>
#include <array>

#include "common/base/format.h"
#include "workmux/control/v1/agent.pb.h"

namespace workmux::cli {
namespace {

struct Shown {
  std::string_view word;
  std::string_view icon;
};
constexpr std::array<Shown, 3> kShown = {{{"working", "🤖"}, {"waiting", "💬"}, {"done", "✅"}}};

struct Unit {
  long long seconds;
  std::string_view name;
};
constexpr std::array<Unit, 6> kUnits = {{{365LL * 86400, "y"},
                                         {30LL * 86400, "mo"},
                                         {7LL * 86400, "w"},
                                         {86400, "d"},
                                         {3600, "h"},
                                         {60, "m"}}};

}  // namespace

std::string_view StatusWord(int status) {
  switch (status) {
    case control::v1::AGENT_STATUS_WORKING:
      return "working";
    case control::v1::AGENT_STATUS_WAITING:
      return "waiting";
    case control::v1::AGENT_STATUS_DONE:
      return "done";
    default:
      return {};
  }
}

std::string StatusSummary(const std::vector<std::string>& words, bool icons) {
  std::string summary;
  for (const Shown& shown : kShown) {
    const auto count = std::count(words.begin(), words.end(), shown.word);
    if (count == 0) continue;
    if (!summary.empty()) summary += ' ';
    if (words.size() > 1) summary += Format("{}{}", count, icons ? "" : " ");
    summary += icons ? shown.icon : shown.word;
  }
  return summary;
}

std::string FormatAge(long long seconds) {
  for (const Unit& unit : kUnits) {
    if (seconds >= unit.seconds) return Format("{}{}", seconds / unit.seconds, unit.name);
  }
  return "now";
}

}  // namespace workmux::cli
