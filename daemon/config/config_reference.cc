#include "daemon/config/config_reference.h"

#include "common/base/format.h"
#include "common/base/strings.h"
#include "daemon/config/config_schema.h"

namespace workmux::daemon {
namespace {

constexpr std::string_view kHead =
    "# workmux configuration\n"
    "#\n"
    "# Global: ~/.config/workmux/config.yaml. Project: .workmux.yaml, which wins key by key.\n"
    "# A line that starts with \"#\" and no space is a key: take the \"#\" away to set it (and\n"
    "# those of the sections around it). The values shown are the defaults, ~ is \"not set\".\n"
    "# In lists of hooks and files a project's item \"<global>\" stands for the global list.\n";

std::string ValueText(const KeyRow& row) {
  if (row.type != KeyType::kChoice) return std::string(TypeName(row.type));
  std::string text;
  for (const std::string_view choice : SplitChoices(row.choices)) {
    if (!text.empty()) text += " | ";
    text += choice;
  }
  return text;
}

std::string Remarks(const KeyRow& row) {
  std::string text = ValueText(row);
  if (row.scope == KeyScope::kGlobalOnly) text += "; global file only";
  if (row.support == KeySupport::kRefused) text += "; not supported yet";
  if (row.support == KeySupport::kIgnored) text += "; not supported yet, ignored";
  return text;
}

}  // namespace

std::string RenderReference() {
  std::string text(kHead);
  std::vector<std::string> open;  // the sections around the last row
  for (const KeyRow& row : ConfigSchema()) {
    std::vector<std::string> sections = Split(row.name, '.');
    const std::string key = sections.back();
    sections.pop_back();
    std::size_t shared = 0;
    while (shared < open.size() && shared < sections.size() && open[shared] == sections[shared]) {
      ++shared;
    }
    text += '\n';
    for (std::size_t i = shared; i < sections.size(); ++i) {
      text += Format("{}#{}:\n", std::string(2 * i, ' '), sections[i]);
    }
    const std::string indent(2 * sections.size(), ' ');
    text += Format("{}# {}. ({})\n", indent, row.doc, Remarks(row));
    text += Format("{}#{}: {}\n", indent, key, row.default_value.empty() ? "~" : row.default_value);
    open = std::move(sections);
  }
  return text;
}

std::vector<KeyCompletion> CompletionKeys() {
  std::vector<KeyCompletion> keys;
  for (const KeyRow& row : ConfigSchema()) {
    KeyCompletion completion{std::string(row.name), {}};
    for (const std::string_view choice : SplitChoices(row.choices)) {
      completion.values.emplace_back(choice);
    }
    if (row.type == KeyType::kBool) completion.values = {"true", "false"};
    keys.push_back(std::move(completion));
  }
  return keys;
}

}  // namespace workmux::daemon
