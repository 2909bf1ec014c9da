#include "daemon/adapters/container/option_errors.h"

#include <algorithm>
#include <array>
#include <utility>

#include "common/base/ascii_case.h"
#include "common/base/format.h"
#include "common/base/strings.h"

namespace workmux::daemon {
namespace {

constexpr auto kWords = std::to_array<std::pair<std::string_view, std::string_view>>({
    {"unable to find group", "group_add"},
    {"gathering device information", "devices"},
    {"stat /dev/", "devices"},
    {"not a device node", "devices"},
    {"minimum memory limit", "memory"},
    {"range of cpus", "cpus"},
    {"unknown runtime specified", "oci_runtime"},
    {"oci runtime \"", "oci_runtime"},
    {"unknown capability", "cap_add"},
    {"invalid --security-opt", "security_opt"},
    {"seccomp profile", "security_opt"},
});

}  // namespace

std::string_view OptionInQuestion(std::string_view said) {
  const std::string lower = LowerAscii(said);
  for (const auto& [words, key] : kWords) {
    if (lower.find(words) != std::string::npos) return key;
  }
  return {};
}

std::string NameOption(std::string_view said) {
  for (const std::string& line : SplitLines(said)) {
    const std::string_view key = OptionInQuestion(line);
    if (key.empty()) continue;
    std::string_view text = line;
    for (const std::string_view prefix : {"Error response from daemon: ", "Error: "}) {
      if (text.starts_with(prefix)) text.remove_prefix(prefix.size());
    }
    return Format("sandbox.container.{}: {}", key, Trim(text));
  }
  return std::string(said);
}

}  // namespace workmux::daemon
