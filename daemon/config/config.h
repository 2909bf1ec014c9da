#pragma once

// The effective configuration as plain data. Defaults stand here; which keys
// exist, where they may stand and what they mean is in config_schema.h.

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "daemon/egress/credential_rule.h"
#include "daemon/egress/egress_policy.h"
#include "daemon/egress/host_port.h"

namespace workmux::daemon {

struct PaneConfig {
  std::string name;
  std::optional<std::string> command;
  bool focus = false;
  bool zoom = false;
  std::string split;  // "horizontal", "vertical"; empty for the first pane
  std::optional<int> size;
  std::optional<int> percentage;
  std::optional<int> target;
};

struct EnvFrom {
  std::string name;  // of a variable in the pane's or guest's environment
};

struct AgentConfig {
  std::string command;  // program or command line; empty: the type, else the name
  std::string type;     // profile name; empty: found from the command
  std::vector<std::string> args;
  std::map<std::string, std::variant<std::string, EnvFrom>> env;
};

enum class WorktreeNaming { kFull, kBasename };
enum class MergeStrategy { kMerge, kRebase, kSquash };
enum class WindowPlacement { kAfterCurrent, kRightmost };

struct StatusIcons {
  std::string working = "🤖";
  std::string waiting = "💬";
  std::string done = "✅";
  bool edit_format = true;  // status_format: add @workmux_status to the window list's formats
};

enum class SandboxTarget { kAgent, kAll };
enum class SandboxGit { kClone, kShared };
enum class AgentConfigMode { kIsolated, kShared };
enum class MainWorktreeAccess { kReadWrite, kReadOnly, kNone };

struct ExtraMount {
  std::filesystem::path host_path;   // absolute, or "~" and what follows it
  std::filesystem::path guest_path;  // absolute; empty: the host's path
  bool writable = false;
};

struct Device {
  std::filesystem::path host_path;
  std::filesystem::path guest_path;
  std::string permissions = "rwm";  // of mknod(2) in the container: any of r, w, m
  bool operator==(const Device&) const = default;
};

struct ContainerConfig {
  std::string runtime;  // "docker", "podman", "apple-container"; empty: the one that is found
  std::string memory;   // as `docker run --memory` takes it; empty: the runtime's default
  std::string cpus;     // as `docker run --cpus` takes it; empty: no limit
  int pids = 4096;
  std::string tmpfs_size = "2g";  // of /tmp and /var/tmp, each; "0": the image's own directories
  std::string log_size = "10m";   // what the engine keeps of the output; "0": nothing
  std::vector<Device> devices;
  std::vector<std::string> group_add;
  std::vector<std::filesystem::path> excluded_files;  // relative to the worktree
  std::string oci_runtime;
  std::vector<std::string> cap_add;
  std::vector<std::string> security_opt;
};

enum class NetworkPolicy { kAllow, kDeny };
enum class NetworkEnforcement { kAuto, kIsolated, kFirewall };

struct NetworkConfig {
  NetworkPolicy policy = NetworkPolicy::kAllow;
  std::vector<egress::HostRule> allowed_domains;
  // Agents whose domains are allowed too; may hold {agent}.
  std::vector<std::string> presets;
  NetworkEnforcement enforcement = NetworkEnforcement::kAuto;
  egress::SniMode sni = egress::SniMode::kEnforce;
  std::vector<egress::HostPort> host_ports;
  std::vector<egress::CredentialRule> credentials;  // each host once
};

struct SandboxConfig {
  bool enabled = false;
  std::string backend = "container";  // "container" or "namespace"
  SandboxTarget target = SandboxTarget::kAgent;
  std::string image;  // may hold {agent}; empty: the default image
  SandboxGit git = SandboxGit::kClone;
  AgentConfigMode agent_config = AgentConfigMode::kIsolated;
  std::string agent_config_dir;  // may hold ~ and {agent}; empty: the agent's own
  MainWorktreeAccess main_worktree = MainWorktreeAccess::kReadWrite;
  std::vector<std::string> env_passthrough;
  std::map<std::string, std::string> env;
  std::string rpc_host;  // empty: the runtime's own
  std::vector<ExtraMount> extra_mounts;
  ContainerConfig container;
  NetworkConfig network;
};

struct Config {
  std::string main_branch;   // empty: found from the repository
  std::string base_branch;   // empty: the branch checked out where the caller stands; "auto": the
                             // main branch
  std::string worktree_dir;  // template; empty: sibling "<project>__worktrees"
  WorktreeNaming worktree_naming = WorktreeNaming::kFull;
  std::string worktree_prefix;
  std::string window_prefix = "wm-";
  WindowPlacement window_placement = WindowPlacement::kAfterCurrent;
  std::optional<std::vector<PaneConfig>> panes;
  std::string agent;  // name or command line; empty: "claude"
  std::map<std::string, AgentConfig> agents;
  std::vector<std::string> post_create;
  std::vector<std::string> pre_merge;
  std::optional<std::vector<std::string>> pre_remove;
  std::vector<std::string> files_copy;
  std::vector<std::string> files_symlink;
  MergeStrategy merge_strategy = MergeStrategy::kMerge;
  bool merge_keep = false;
  StatusIcons status_icons;
  bool prompt_file_only = false;
  SandboxConfig sandbox;
};

// Where a configuration came from.
struct ConfigSource {
  std::filesystem::path global_file;   // empty: none
  std::filesystem::path project_file;  // empty: none
  std::string project_sha256;          // of the project file's bytes; empty: none
  // Directory of the project file relative to the worktree root that it was
  // found in; "." for the root or without one.
  std::filesystem::path relative_dir = ".";
};

struct LoadedConfig {
  Config config;
  ConfigSource source;
  std::vector<std::string> warnings;  // for the person, "file:line:column: …"
};

}  // namespace workmux::daemon
