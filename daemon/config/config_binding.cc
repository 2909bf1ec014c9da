#include "daemon/config/config_binding.h"

#include <algorithm>

#include "common/base/status.h"
#include "common/base/strings.h"
#include "daemon/config/agents_parser.h"
#include "daemon/config/config_schema.h"
#include "daemon/config/credential_parser.h"
#include "daemon/config/network_parser.h"
#include "daemon/config/pane_parser.h"
#include "daemon/config/sandbox_parser.h"

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

// For choices that are kept by name.
template <auto... kPath>
absl::Status NamedChoice(const ValueReader& reader, const YamlNode& node, Config& config) {
  WM_RETURN_IF_ERROR(ReadChoice(reader, node).status());
  At<kPath...>(config) = node.scalar;
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

absl::Status Image(const ValueReader& reader, const YamlNode& node, Config& config) {
  WM_ASSIGN_OR_RETURN(config.sandbox.image, ParseImage(reader, node));
  return CheckPlaceholders(reader, node, "agent");
}

// Zero means "no limit" to docker; whoever wants that leaves the key out.
absl::Status Memory(const ValueReader& reader, const YamlNode& node, Config& config) {
  WM_ASSIGN_OR_RETURN(config.sandbox.container.memory, ParseSize(reader, node, /*zero=*/false));
  return absl::OkStatus();
}

template <std::string ContainerConfig::*kMember>
absl::Status Limit(const ValueReader& reader, const YamlNode& node, Config& config) {
  WM_ASSIGN_OR_RETURN(config.sandbox.container.*kMember, ParseSize(reader, node, /*zero=*/true));
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

absl::Status Pids(const ValueReader& reader, const YamlNode& node, Config& config) {
  // Fewer do not start an agent; the kernel has no more (PID_MAX_LIMIT, linux/threads.h).
  WM_ASSIGN_OR_RETURN(config.sandbox.container.pids, reader.Integer(node, 16, 4'194'304));
  return absl::OkStatus();
}

// A value with a reader of its own.
template <auto kParse, auto... kPath>
absl::Status Parsed(const ValueReader& reader, const YamlNode& node, Config& config) {
  WM_ASSIGN_OR_RETURN(At<kPath...>(config), kParse(reader, node));
  return absl::OkStatus();
}
template <auto kParse, auto kMember>
constexpr Apply kSandbox = &Parsed<kParse, &Config::sandbox, kMember>;
template <auto kParse, auto kMember>
constexpr Apply kNetwork = &Parsed<kParse, &Config::sandbox, &SandboxConfig::network, kMember>;
template <auto kParse, auto kMember>
constexpr Apply kContainer = &Parsed<kParse, &Config::sandbox, &SandboxConfig::container, kMember>;

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
    {"panes", Parsed<&ParsePanes, &Config::panes>},
    {"agent", Line<&Config::agent>},
    {"agents", Parsed<&ParseAgents, &Config::agents>},
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
    {"sandbox.backend", NamedChoice<&Config::sandbox, &SandboxConfig::backend>},
    {"sandbox.target", Choice<&Config::sandbox, &SandboxConfig::target>},
    {"sandbox.image", Image},
    {"sandbox.git", Choice<&Config::sandbox, &SandboxConfig::git>},
    {"sandbox.agent_config", Choice<&Config::sandbox, &SandboxConfig::agent_config>},
    {"sandbox.agent_config_dir", AgentConfigDir},
    {"sandbox.toolchain", OnlyChoice},
    {"sandbox.main_worktree", Choice<&Config::sandbox, &SandboxConfig::main_worktree>},
    {"sandbox.env_passthrough", kSandbox<&ParsePassthrough, &SandboxConfig::env_passthrough>},
    {"sandbox.env", kSandbox<&ParseEnvironment, &SandboxConfig::env>},
    {"sandbox.rpc_host", kSandbox<&ParseHostName, &SandboxConfig::rpc_host>},
    {"sandbox.extra_mounts", kSandbox<&ParseExtraMounts, &SandboxConfig::extra_mounts>},
    {"sandbox.network.policy",
     Choice<&Config::sandbox, &SandboxConfig::network, &NetworkConfig::policy>},
    {"sandbox.network.allowed_domains",
     kNetwork<&ParseAllowedDomains, &NetworkConfig::allowed_domains>},
    {"sandbox.network.presets", kNetwork<&ParsePresets, &NetworkConfig::presets>},
    {"sandbox.network.enforcement",
     Choice<&Config::sandbox, &SandboxConfig::network, &NetworkConfig::enforcement>},
    {"sandbox.network.sni", Choice<&Config::sandbox, &SandboxConfig::network, &NetworkConfig::sni>},
    {"sandbox.network.host_ports", kNetwork<&ParseHostPorts, &NetworkConfig::host_ports>},
    {"sandbox.network.credentials", kNetwork<&ParseCredentials, &NetworkConfig::credentials>},
    {"sandbox.container.runtime",
     NamedChoice<&Config::sandbox, &SandboxConfig::container, &ContainerConfig::runtime>},
    {"sandbox.container.memory", Memory},
    {"sandbox.container.cpus", kContainer<&ParseCpus, &ContainerConfig::cpus>},
    {"sandbox.container.pids", Pids},
    {"sandbox.container.tmpfs_size", Limit<&ContainerConfig::tmpfs_size>},
    {"sandbox.container.log_size", Limit<&ContainerConfig::log_size>},
    {"sandbox.container.devices", kContainer<&ParseDevices, &ContainerConfig::devices>},
    {"sandbox.container.group_add", kContainer<&ParseGroups, &ContainerConfig::group_add>},
    {"sandbox.container.excluded_files",
     kContainer<&ParseExcludedFiles, &ContainerConfig::excluded_files>},
    {"sandbox.container.oci_runtime", kContainer<&ParseOciRuntime, &ContainerConfig::oci_runtime>},
    {"sandbox.container.cap_add", kContainer<&ParseCapabilities, &ContainerConfig::cap_add>},
    {"sandbox.container.security_opt",
     kContainer<&ParseSecurityOptions, &ContainerConfig::security_opt>},
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
