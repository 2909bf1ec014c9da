#include "daemon/adapters/container/container_list.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "common/base/ascii_case.h"
#include "common/base/status.h"
#include "common/base/strings.h"
#include "daemon/adapters/container/run_argv.h"

namespace workmux::daemon {
namespace {

using nlohmann::json;

// docker-ps(1), podman-ps(1): states of a container that has processes.
constexpr auto kLiving =
    std::to_array<std::string_view>({"up", "running", "paused", "restarting", "stopping"});

bool IsLiving(std::string_view state) {
  const std::string word = LowerAscii(state.substr(0, state.find(' ')));
  return std::find(kLiving.begin(), kLiving.end(), word) != kLiving.end();
}

absl::Status NotUnderstood() {
  return DataLoss("the engine's list of containers is not understood");
}

std::string Text(const json& object, const char* key) {
  const auto found = object.find(key);
  return found == object.end() || !found->is_string() ? std::string() : found->get<std::string>();
}

}  // namespace

absl::StatusOr<std::vector<SandboxInfo>> SandboxesFromTable(std::string_view text) {
  std::vector<SandboxInfo> infos;
  for (const std::string& line : SplitLines(text)) {
    const std::vector<std::string> fields = Split(line, '\t');
    if (fields.size() != 3) return NotUnderstood();
    infos.push_back({fields[0], fields[1], IsLiving(fields[2])});
  }
  return infos;
}

absl::StatusOr<std::vector<SandboxInfo>> SandboxesFromJson(std::string_view text,
                                                           std::string_view instance) {
  const json list = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!list.is_array()) return NotUnderstood();
  std::vector<SandboxInfo> infos;
  for (const json& entry : list) {
    if (!entry.is_object()) return NotUnderstood();
    const auto nested = entry.find("configuration");
    const json& configuration = nested != entry.end() && nested->is_object() ? *nested : entry;
    const auto labels = configuration.find("labels");
    if (labels == configuration.end() || !labels->is_object()) continue;
    if (Text(*labels, kLabelInstance) != instance) continue;
    std::string name = Text(configuration, "id");
    if (name.empty()) return NotUnderstood();
    infos.push_back(
        {std::move(name), Text(*labels, kLabelSession), IsLiving(Text(entry, "status"))});
  }
  return infos;
}

}  // namespace workmux::daemon
