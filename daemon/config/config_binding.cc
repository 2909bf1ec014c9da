#include "daemon/config/config_binding.h"

#include <algorithm>
#include <cctype>

#include "common/base/status.h"
#include "common/base/strings.h"
#include "daemon/config/agents_parser.h"
#include "daemon/config/config_schema.h"
#include "daemon/config/pane_parser.h"

namespace workmux::daemon {
namespace {

using Apply = absl::Status (*)(const ValueReader&, const YamlNode&, Config&);

// The member that a chain of pointers to members leads to.
template <auto... kPath>
auto& At(Config& config) {
  return (config.*....*kPath);
}

template <auto... kPath>
absl::Status Line(const ValueReader& reader, const YamlNode& node, Config& config) {
  WM_ASSIGN_OR_RETURN(At<kPath...>(config), reader.Line(node));
  return absl::OkStatus();
}

template <auto... kPath>
absl::Status Bool(const ValueReader& reader, const YamlNode& node, Config& config) {
  WM_ASSIGN_OR_RETURN(At<kPath...>(config), reader.Bool(node));
  return absl::OkStatus();
}

template <auto... kPath>
absl::Status TextList(const ValueReader& reader, const YamlNode& node, Config& config) {
  WM_ASSIGN_OR_RETURN(At<kPath...>(config), reader.TextList(node));
  return absl::OkStatus();
}

absl::StatusOr<std::size_t> ReadChoice(const ValueReader& reader, const YamlNode& node) {
  const KeyRow* row = FindKey(reader.key());
  if (row == nullptr) return Internal("{} is not in the schema", reader.key());
  return reader.Choice(node, row->choices, row->later_choices);
}

// The enumerators stand in the order of the schema's choices.
template <auto... kPath>
absl::Status Choice(const ValueReader& reader, const YamlNode& node, Config& config) {
  WM_ASSIGN_OR_RETURN(const std::size_t index, ReadChoice(reader, node));
  using Enum = std::remove_reference_t<decltype(At<kPath...>(config))>;
  At<kPath...>(config) = static_cast<Enum>(index);
  return absl::OkStatus();
}

// For choices of which one is supported, hence nothing to remember.
absl::Status OnlyChoice(const ValueReader& reader, const YamlNode& node, Config&) {
  return ReadChoice(reader, node).status();
}

absl::Status Backend(const ValueReader& reader, const YamlNode& node, Config& config) {
  WM_RETURN_IF_ERROR(ReadChoice(reader, node).status());
  config.sandbox.backend = node.scalar;
  return absl::OkStatus();
}

template <auto... kPath>
absl::Status Branch(const ValueReader& reader, const YamlNode& node, Config& config) {
  // Not moved into a local: gcc 12 takes that string for uninitialized at -O2.
  absl::StatusOr<std::string> name = reader.Line(node);
  if (!name.ok()) return name.status();
  if (name->starts_with('-')) {
    return reader.Error(node.place, "a branch must not start with \"-\"");
  }
  At<kPath...>(config) = *std::move(name);
  return absl::OkStatus();
}

// Every "{…}" must be `{allowed}`.
absl::Status CheckPlaceholders(const ValueReader& reader, const YamlNode& node,
                               std::string_view allowed) {
  const std::string& text = node.scalar;
  for (std::size_t at = text.find_first_of("{}"); at != std::string::npos;
       at = text.find_first_of("{}", at)) {
    const std::string wanted = Format("{{{}}}", allowed);
    if (text.compare(at, wanted.size(), wanted) != 0) {
      return reader.Error(node.place, Format("{} is the only placeholder that may be used in {}",
                                             wanted, DescribeValue(node)));
    }
    at += wanted.size();
  }
  return absl::OkStatus();
}

absl::Status WorktreeDir(const ValueReader& reader, const YamlNode& node, Config& config) {
  WM_ASSIGN_OR_RETURN(config.worktree_dir, reader.Line(node));
  return CheckPlaceholders(reader, node, "project");
}

// The characters of an image reference (OCI distribution specification 1.1), the
// placeholder aside. The first one keeps it from being read as an option.
absl::Status Image(const ValueReader& reader, const YamlNode& node, Config& config) {
  WM_ASSIGN_OR_RETURN(config.sandbox.image, reader.Line(node));
  WM_RETURN_IF_ERROR(CheckPlaceholders(reader, node, "agent"));
  const auto fits = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
           std::string_view("._/:@-{}").find(c) != std::string_view::npos;
  };
  const std::string& image = config.sandbox.image;
  const bool good_start =
      image.empty() || image[0] == '{' || std::isalnum(static_cast<unsigned char>(image[0])) != 0;
  if (!good_start || !std::all_of(image.begin(), image.end(), fits)) {
    return reader.Error(node.place,
                        Format("expected an image's name, found {}", DescribeValue(node)));
  }
  return absl::OkStatus();
}

// Digits with an optional fraction, not zero; returns how long it is, 0 for none.
std::size_t PositiveDecimal(std::string_view text, std::size_t max_fraction) {
  std::size_t at = text.find_first_not_of("0123456789");
  at = at == std::string_view::npos ? text.size() : at;
  if (at == 0) return 0;
  if (at < text.size() && text[at] == '.') {
    std::size_t end = text.find_first_not_of("0123456789", at + 1);
    end = end == std::string_view::npos ? text.size() : end;
    if (end == at + 1 || end - at - 1 > max_fraction) return 0;
    at = end;
  }
  const bool positive = text.substr(0, at).find_first_of("123456789") != std::string_view::npos;
  return positive ? at : 0;
}

// docker/go-units RAMInBytes: a number and b, k, kb, kib, … p, in any case. Zero
// means "no limit" to docker; whoever wants that leaves the key out.
absl::Status Memory(const ValueReader& reader, const YamlNode& node, Config& config) {
  std::string suffix;
  const std::size_t digits = node.IsScalar() ? PositiveDecimal(node.scalar, 9) : 0;
  if (digits > 0) suffix = node.scalar.substr(digits);
  for (char& c : suffix) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  std::string_view unit = suffix;
  if (!unit.empty() && std::string_view("kmgtp").find(unit[0]) != std::string_view::npos) {
    unit.remove_prefix(1);
    if (unit == "ib") unit.remove_prefix(1);
  }
  if (digits == 0 || (!unit.empty() && unit != "b")) {
    return reader.Error(
        node.place, Format("expected a size such as 512m or 8g, found {}", DescribeValue(node)));
  }
  config.sandbox.memory = node.scalar;
  return absl::OkStatus();
}

absl::Status Cpus(const ValueReader& reader, const YamlNode& node, Config& config) {
  if (!node.IsScalar() || node.scalar.size() > 16 ||
      PositiveDecimal(node.scalar, 9) != node.scalar.size()) {
    return reader.Error(
        node.place, Format("expected a number of CPUs such as 1.5, found {}", DescribeValue(node)));
  }
  config.sandbox.cpus = node.scalar;
  return absl::OkStatus();
}

absl::Status AgentConfigDir(const ValueReader& reader, const YamlNode& node, Config& config) {
  // Not moved into a local: as in Branch.
  absl::StatusOr<std::string> text = reader.Line(node);
  if (!text.ok()) return text.status();
  if (!text->empty() && !text->starts_with('/') && !text->starts_with("~/")) {
    return reader.Error(node.place, Format("expected an absolute path or one below ~, found {}",
                                           DescribeValue(node)));
  }
  config.sandbox.agent_config_dir = *std::move(text);
  return CheckPlaceholders(reader, node, "agent");
}

absl::Status Panes(const ValueReader& reader, const YamlNode& node, Config& config) {
  WM_ASSIGN_OR_RETURN(config.panes, ParsePanes(reader, node));
  return absl::OkStatus();
}

absl::Status Agents(const ValueReader& reader, const YamlNode& node, Config& config) {
  WM_ASSIGN_OR_RETURN(config.agents, ParseAgents(reader, node));
  return absl::OkStatus();
}

struct Binding {
  std::string_view key;
  Apply apply;
};

constexpr Binding kBindings[] = {
    {"main_branch", Branch<&Config::main_branch>},
    {"base_branch", Branch<&Config::base_branch>},
    {"worktree_dir", WorktreeDir},
    {"worktree_naming", Choice<&Config::worktree_naming>},
    {"worktree_prefix", Line<&Config::worktree_prefix>},
    {"window_prefix", Line<&Config::window_prefix>},
    {"window_placement", Choice<&Config::window_placement>},
    {"mode", OnlyChoice},
    {"panes", Panes},
    {"agent", Line<&Config::agent>},
    {"agents", Agents},
    {"post_create", TextList<&Config::post_create>},
    {"pre_merge", TextList<&Config::pre_merge>},
    {"pre_remove", TextList<&Config::pre_remove>},
    {"files.copy", TextList<&Config::files_copy>},
    {"files.symlink", TextList<&Config::files_symlink>},
    {"merge_strategy", Choice<&Config::merge_strategy>},
    {"merge_keep", Bool<&Config::merge_keep>},
    {"status_format", Bool<&Config::status_icons, &StatusIcons::edit_format>},
    {"status_icons.working", Line<&Config::status_icons, &StatusIcons::working>},
    {"status_icons.waiting", Line<&Config::status_icons, &StatusIcons::waiting>},
    {"status_icons.done", Line<&Config::status_icons, &StatusIcons::done>},
    {"prompt_file_only", Bool<&Config::prompt_file_only>},
    {"sandbox.enabled", Bool<&Config::sandbox, &SandboxConfig::enabled>},
    {"sandbox.backend", Backend},
    {"sandbox.target", Choice<&Config::sandbox, &SandboxConfig::target>},
    {"sandbox.image", Image},
    {"sandbox.git", Choice<&Config::sandbox, &SandboxConfig::git>},
    {"sandbox.agent_config", Choice<&Config::sandbox, &SandboxConfig::agent_config>},
    {"sandbox.agent_config_dir", AgentConfigDir},
    {"sandbox.toolchain", OnlyChoice},
    {"sandbox.container.runtime", OnlyChoice},
    {"sandbox.container.memory", Memory},
    {"sandbox.container.cpus", Cpus},
};

const Binding* Find(std::string_view key) {
  const auto found = std::find_if(std::begin(kBindings), std::end(kBindings),
                                  [&](const Binding& binding) { return binding.key == key; });
  return found == std::end(kBindings) ? nullptr : found;
}

}  // namespace

bool HasBinding(std::string_view key) { return Find(key) != nullptr; }

absl::Status ApplyValue(const ValueReader& reader, const YamlNode& node, Config& config) {
  const Binding* binding = Find(reader.key());
  if (binding == nullptr) return Internal("the key {} has no binding", reader.key());
  return binding->apply(reader, node, config);
}

}  // namespace workmux::daemon
