#include "daemon/config/config_reference.h"

#include <algorithm>

#include "common/base/strings.h"
#include "daemon/config/config_layer.h"
#include "daemon/config/config_schema.h"
#include "tests/support/catch.h"
#include "tests/support/golden.h"
#include "tests/support/status_matchers.h"

namespace workmux::daemon {
namespace {

using test::Must;

// "  #key: value" -> "  key: value"; remarks ("# text") stay.
std::string Uncommented(const std::string& reference) {
  std::string text;
  for (const std::string& line : SplitLines(reference)) {
    const std::size_t hash = line.find_first_not_of(' ');
    const bool is_key = hash != std::string::npos && line[hash] == '#' && hash + 1 < line.size() &&
                        line[hash + 1] != ' ';
    text += is_key ? line.substr(0, hash) + line.substr(hash + 1) : line;
    text += '\n';
  }
  return text;
}

TEST_CASE("ConfigReference: matches its golden file", "[config]") {
  test::CheckGolden("config_reference.yaml", RenderReference());
}

TEST_CASE("ConfigReference: loads without a warning, as it is and with every key set", "[config]") {
  const std::string reference = RenderReference();
  for (const std::string& text : {reference, Uncommented(reference)}) {
    std::vector<std::string> warnings;
    const auto config = BuildConfig(ConfigText{"reference", text}, std::nullopt, warnings);
    CHECK_OK(config);
    // A section without support is mentioned whatever it says.
    const auto is_section = [](const std::string& warning) {
      return warning.find("is not supported yet, ignored") != std::string::npos;
    };
    warnings.erase(std::remove_if(warnings.begin(), warnings.end(), is_section), warnings.end());
    CHECK(warnings.empty());
  }
}

TEST_CASE("ConfigReference: the values shown are the real defaults", "[config]") {
  std::vector<std::string> warnings;
  const Config shown = Must(
      BuildConfig(ConfigText{"reference", Uncommented(RenderReference())}, std::nullopt, warnings));
  const Config defaults;
  CHECK(shown.window_prefix == defaults.window_prefix);
  CHECK(shown.worktree_prefix == defaults.worktree_prefix);
  CHECK(shown.worktree_naming == defaults.worktree_naming);
  CHECK(shown.window_placement == defaults.window_placement);
  CHECK(shown.merge_strategy == defaults.merge_strategy);
  CHECK(shown.merge_keep == defaults.merge_keep);
  CHECK(shown.status_icons.edit_format == defaults.status_icons.edit_format);
  CHECK(shown.status_icons.working == defaults.status_icons.working);
  CHECK(shown.status_icons.waiting == defaults.status_icons.waiting);
  CHECK(shown.status_icons.done == defaults.status_icons.done);
  CHECK(shown.sandbox.enabled == defaults.sandbox.enabled);
  CHECK(shown.sandbox.backend == defaults.sandbox.backend);
  CHECK(shown.sandbox.target == defaults.sandbox.target);
  CHECK(shown.sandbox.git == defaults.sandbox.git);
  CHECK(shown.sandbox.container.memory == defaults.sandbox.container.memory);
}

TEST_CASE("ConfigReference: completion offers every key and its values", "[config]") {
  const std::vector<KeyCompletion> keys = CompletionKeys();
  CHECK(keys.size() == ConfigSchema().size());
  const auto backend = std::find_if(keys.begin(), keys.end(), [](const KeyCompletion& key) {
    return key.key == "sandbox.backend";
  });
  REQUIRE(backend != keys.end());
  CHECK(backend->values == std::vector<std::string>{"container", "namespace"});
}

}  // namespace
}  // namespace workmux::daemon
