#include "daemon/config/config_schema.h"

#include <algorithm>

namespace workmux::daemon {
namespace {

using enum KeyType;
using enum KeyScope;
using enum KeySupport;

constexpr KeyRow kRows[] = {
    {"main_branch", kString, kAny, kNow, "", "", "",
     "Branch that work is merged into; unset: origin/HEAD, else main or master"},
    {"base_branch", kString, kAny, kNow, "", "", "",
     "Start point of new branches; auto: the main branch; unset: the branch checked out where you "
     "stand"},
    {"worktree_dir", kString, kAny, kNow, "", "", "",
     "Where worktrees are made, relative to the main worktree; ~ and {project} are replaced; "
     "unset: a sibling <project>__worktrees"},
    {"worktree_naming", kChoice, kAny, kNow, "full", "full|basename", "",
     "Name worktrees after the whole branch or its last component"},
    {"worktree_prefix", kString, kAny, kNow, "\"\"", "", "",
     "Put before the name of every worktree"},
    {"window_prefix", kString, kAny, kNow, "\"wm-\"", "", "",
     "Put before the name of every window"},
    {"window_placement", kChoice, kAny, kNow, "after_current", "after_current|rightmost", "",
     "Where a new window goes"},
    {"mode", kChoice, kAny, kNow, "window", "window", "session", "What a worktree gets in tmux"},
    {"panes", kList, kAny, kNow, "[{command: \"<agent>\", focus: true}, {split: horizontal}]", "",
     "",
     "Panes of a window: name, command, focus, zoom, split (horizontal, vertical), size or "
     "percentage, target"},
    {"windows", kList, kAny, kRefused, "[]", "", "", "Windows of a session, each with panes"},
    {"layouts", kMap, kAny, kIgnored, "{}", "", "", "Named sets of panes"},
    {"agent", kString, kAny, kNow, "claude", "", "",
     "Agent to start: a name from agents, a known agent, or a command line"},
    {"agents", kMap, kGlobalOnly, kNow, "{}", "", "",
     "Named agents: a command line, or command, type, args and env"},
    {"post_create", kStringList, kAny, kNow, "[]", "", "",
     "Commands run in a new worktree before its window opens"},
    {"pre_merge", kStringList, kAny, kNow, "[]", "", "",
     "Commands that must succeed before a merge"},
    {"pre_remove", kStringList, kAny, kNow, "", "", "",
     "Commands that must succeed before a worktree is removed"},
    {"files.copy", kStringList, kAny, kNow, "[]", "", "",
     "Files copied into new worktrees; glob patterns"},
    {"files.symlink", kStringList, kAny, kNow, "[]", "", "",
     "Files linked into new worktrees; glob patterns"},
    {"merge_strategy", kChoice, kAny, kNow, "merge", "merge|rebase|squash", "",
     "How a branch is merged"},
    {"merge_keep", kBool, kAny, kNow, "false", "", "",
     "Keep worktree, window and branch after a merge"},
    {"status_format", kBool, kAny, kNow, "true", "", "",
     "Add the agent's status (@workmux_status) to tmux's window list"},
    {"status_icons.working", kString, kAny, kNow, "\"🤖\"", "", "", "Icon of a working agent"},
    {"status_icons.waiting", kString, kAny, kNow, "\"💬\"", "", "",
     "Icon of an agent that waits for you"},
    {"status_icons.done", kString, kAny, kNow, "\"✅\"", "", "", "Icon of an agent that is done"},
    {"prompt_file_only", kBool, kAny, kNow, "false", "", "",
     "Write the prompt's file and do not pass it to the agent"},
    {"auto_name.command", kString, kGlobalOnly, kIgnored, "", "", "",
     "Program that names branches"},
    {"auto_name.model", kString, kAny, kIgnored, "", "", "", "Model that names branches"},
    {"auto_name.system_prompt", kString, kAny, kIgnored, "", "", "",
     "Instructions for naming branches"},
    {"auto_name.background", kBool, kAny, kIgnored, "false", "", "",
     "Name branches in the background"},
    {"nerdfont", kBool, kAny, kIgnored, "", "", "", "Use icons of Nerd Fonts"},
    {"auto_update_check", kBool, kAny, kIgnored, "true", "", "", "Look for new versions"},
    {"theme", kValue, kAny, kIgnored, "default", "", "", "Colours"},
    {"dashboard.commit", kString, kAny, kIgnored, "", "", "", "Text sent to the agent to commit"},
    {"dashboard.merge", kString, kAny, kIgnored, "\"!workmux merge\"", "", "",
     "Text sent to the agent to merge"},
    {"dashboard.preview_size", kInteger, kAny, kIgnored, "60", "", "",
     "Height of the preview in percent"},
    {"dashboard.show_check_counts", kBool, kAny, kIgnored, "false", "", "",
     "Show how many checks passed"},
    {"dashboard.worktree_columns", kStringList, kAny, kIgnored, "", "", "",
     "Columns of the worktree view"},
    {"sidebar.position", kChoice, kAny, kIgnored, "left", "left|top", "",
     "Where the sidebar stands"},
    {"sidebar.width", kValue, kAny, kIgnored, "\"10%\"", "", "", "Columns or percent"},
    {"sidebar.height", kValue, kAny, kIgnored, "", "", "", "Rows or percent"},
    {"sidebar.layout", kChoice, kAny, kIgnored, "tiles", "tiles|compact", "",
     "Form of the entries"},
    {"sidebar.sort", kChoice, kAny, kIgnored, "recency", "recency|window", "",
     "Order of the entries"},
    {"sidebar.dim_stale", kBool, kAny, kIgnored, "true", "", "",
     "Dim agents that have been quiet for long"},
    {"sidebar.horizontal", kMap, kAny, kIgnored, "{}", "", "", "Sizes of the horizontal sidebar"},
    {"sidebar.templates", kMap, kAny, kIgnored, "{}", "", "", "Templates of the entries"},
    {"sidebar.agent_icons", kMap, kAny, kIgnored, "{}", "", "", "Icons of agents"},
    {"sandbox.enabled", kBool, kAny, kNow, "false", "", "", "Run agents in a sandbox"},
    {"sandbox.backend", kChoice, kAny, kNow, "container", "container|namespace", "lima",
     "What the sandbox is made of"},
    {"sandbox.target", kChoice, kAny, kNow, "agent", "agent|all", "", "Which panes run in it"},
    {"sandbox.image", kString, kAny, kNow, "\"ghcr.io/raine/workmux-sandbox:{agent}\"", "", "",
     "Container image; {agent} is replaced"},
    {"sandbox.git", kChoice, kGlobalOnly, kNow, "clone", "clone|shared", "",
     "Give the sandbox a git repository of its own, or yours to write"},
    {"sandbox.main_worktree", kChoice, kGlobalOnly, kNow, "rw", "rw|ro|none", "",
     "How the main worktree's files are mounted beside the worktree, for links into it"},
    {"sandbox.toolchain", kChoice, kAny, kNow, "auto", "auto|off", "devbox|flake",
     "Tools from devbox.json or flake.nix (Lima only)"},
    {"sandbox.env_passthrough", kStringList, kGlobalOnly, kNow, "[]", "", "",
     "Variables passed on when set"},
    {"sandbox.env", kMap, kGlobalOnly, kNow, "{}", "", "", "Variables set to fixed values"},
    {"sandbox.rpc_host", kString, kGlobalOnly, kNow, "", "", "",
     "Host name by which the sandbox reaches this machine"},
    {"sandbox.host_commands", kStringList, kGlobalOnly, kRefused, "[]", "", "",
     "Commands that the sandbox may run on the host"},
    {"sandbox.extra_mounts", kList, kGlobalOnly, kNow, "[]", "", "",
     "More host paths to mount: a path, or host_path, guest_path and writable"},
    {"sandbox.agent_config", kChoice, kGlobalOnly, kNow, "isolated", "isolated|shared", "",
     "Give the sandbox a copy of the agent's settings with your login in step, or your own "
     "directory to write"},
    {"sandbox.agent_config_dir", kString, kGlobalOnly, kNow, "", "", "",
     "Host directory with the agent's settings, made when absent; ~ and {agent} are replaced; "
     "unset: the agent's own, such as ~/.claude"},
    {"sandbox.network.policy", kChoice, kGlobalOnly, kNow, "allow", "allow|deny", "",
     "Whether connections are free or restricted to allowed_domains"},
    {"sandbox.network.allowed_domains", kList, kGlobalOnly, kNow, "[]", "", "",
     "Hosts that may be reached on port 443 when the policy is deny: a name, *. and a name for "
     "those below it, or host and allow_private_ips"},
    {"sandbox.network.presets", kStringList, kGlobalOnly, kNow, "[]", "", "",
     "Agents whose own hosts are allowed as well; {agent} is the one that is started"},
    {"sandbox.network.enforcement", kChoice, kGlobalOnly, kNow, "auto", "auto|isolated|firewall",
     "",
     "How deny is enforced: isolated (auto) has no network but the proxy's socket, firewall the "
     "engine's with a packet filter around it"},
    {"sandbox.network.sni", kChoice, kGlobalOnly, kNow, "enforce", "enforce|log|off", "",
     "What a TLS hello for another host than the one that was asked for leads to"},
    {"sandbox.network.host_ports", kList, kGlobalOnly, kNow, "[]", "", "",
     "Services of this machine's loopback, each with name and port, that restricted sandboxes "
     "have at the same port of their own"},
    {"sandbox.network.credentials", kList, kGlobalOnly, kNow, "[]", "", "",
     "Keys that the daemon puts into the requests of restricted sandboxes, which never hold them: "
     "host, file or command, and header, value, env and allow"},
    {"sandbox.dangerously_allow_unsandboxed_host_exec", kBool, kGlobalOnly, kRefused, "false", "",
     "", "Run host commands without confinement"},
    {"sandbox.container.runtime", kChoice, kAny, kNow, "", "docker|podman|apple-container", "",
     "Container runtime; unset: docker or podman, whichever is installed, and on macOS Apple "
     "Container before them"},
    {"sandbox.container.memory", kQuantity, kAny, kNow, "", "", "",
     "Memory limit, for example 8g; unset: none, 16g with Apple Container"},
    {"sandbox.container.cpus", kQuantity, kAny, kNow, "", "", "", "CPU limit, for example 1.5"},
    {"sandbox.container.pids", kInteger, kGlobalOnly, kNow, "4096", "", "",
     "How many processes and threads may live at once"},
    {"sandbox.container.tmpfs_size", kQuantity, kGlobalOnly, kNow, "2g", "", "",
     "Size of /tmp and /var/tmp, each held in memory; 0: without a limit, in containers on the "
     "disk"},
    {"sandbox.container.log_size", kQuantity, kGlobalOnly, kNow, "10m", "", "",
     "How much of a container's output the engine keeps; 0: nothing"},
    {"sandbox.container.devices", kList, kGlobalOnly, kNow, "[]", "", "", "Device nodes to expose"},
    {"sandbox.container.group_add", kStringList, kGlobalOnly, kNow, "[]", "", "",
     "Supplementary groups, by name or number"},
    {"sandbox.container.excluded_files", kStringList, kGlobalOnly, kNow, "[]", "", "",
     "Files of the worktree that the sandbox must not read"},
    {"sandbox.container.oci_runtime", kString, kGlobalOnly, kNow, "", "", "",
     "OCI runtime, for example kata"},
    {"sandbox.container.cap_add", kStringList, kGlobalOnly, kNow, "[]", "", "",
     "More Linux capabilities"},
    {"sandbox.container.security_opt", kStringList, kGlobalOnly, kNow, "[]", "", "",
     "Security options passed to the runtime"},
    {"sandbox.lima.isolation", kChoice, kAny, kRefused, "project", "project|shared", "",
     "One VM for each project or one for all"},
    {"sandbox.lima.projects_dir", kString, kAny, kRefused, "", "", "",
     "Directory that a shared VM mounts"},
    {"sandbox.lima.cpus", kInteger, kAny, kRefused, "4", "", "", "CPUs of the VM"},
    {"sandbox.lima.memory", kQuantity, kAny, kRefused, "4GiB", "", "", "Memory of the VM"},
    {"sandbox.lima.disk", kQuantity, kAny, kRefused, "100GiB", "", "", "Disk of the VM"},
    {"sandbox.lima.provision", kString, kAny, kRefused, "", "", "",
     "Script run when the VM is made"},
    {"sandbox.lima.skip_default_provision", kBool, kAny, kRefused, "false", "", "",
     "Leave out the built-in provisioning"},
};

bool IsBelow(std::string_view name, std::string_view section) {
  if (section.empty()) return true;
  return name.size() > section.size() && name.substr(0, section.size()) == section &&
         name[section.size()] == '.';
}

}  // namespace

std::span<const KeyRow> ConfigSchema() { return kRows; }

const KeyRow* FindKey(std::string_view name) {
  const auto found = std::find_if(std::begin(kRows), std::end(kRows),
                                  [&](const KeyRow& row) { return row.name == name; });
  return found == std::end(kRows) ? nullptr : found;
}

bool IsSection(std::string_view name) {
  return std::any_of(std::begin(kRows), std::end(kRows),
                     [&](const KeyRow& row) { return IsBelow(row.name, name); });
}

bool IsIgnoredSection(std::string_view name) {
  return IsSection(name) &&
         std::none_of(std::begin(kRows), std::end(kRows), [&](const KeyRow& row) {
           return IsBelow(row.name, name) && row.support != kIgnored;
         });
}

std::vector<std::string_view> KeysBelow(std::string_view section) {
  std::vector<std::string_view> keys;
  for (const KeyRow& row : kRows) {
    if (!IsBelow(row.name, section)) continue;
    std::string_view rest = row.name.substr(section.empty() ? 0 : section.size() + 1);
    rest = rest.substr(0, rest.find('.'));
    if (keys.empty() || keys.back() != rest) keys.push_back(rest);
  }
  return keys;
}

std::string_view TypeName(KeyType type) {
  switch (type) {
    case kString:
      return "text";
    case kBool:
      return "true or false";
    case kInteger:
      return "whole number";
    case kChoice:
      return "choice";
    case kQuantity:
      return "quantity";
    case kStringList:
      return "list of texts";
    case kList:
      return "list";
    case kMap:
      return "map";
    case kValue:
      return "any";
  }
  return "any";
}

std::vector<std::string_view> SplitChoices(std::string_view choices) {
  std::vector<std::string_view> pieces;
  while (!choices.empty()) {
    const std::size_t bar = choices.find('|');
    pieces.push_back(choices.substr(0, bar));
    choices = bar == std::string_view::npos ? std::string_view() : choices.substr(bar + 1);
  }
  return pieces;
}

}  // namespace workmux::daemon
