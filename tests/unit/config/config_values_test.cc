// Every value that is refused, with its exact text and place.

#include <optional>
#include <string>
#include <vector>

#include "daemon/config/config_layer.h"
#include "tests/support/catch.h"
#include "tests/support/status_matchers.h"

namespace workmux::daemon {
namespace {

using test::Must;

std::string Refusal(std::string_view text) {
  std::vector<std::string> warnings;
  const auto config = BuildConfig(ConfigText{"g", std::string(text)}, std::nullopt, warnings);
  if (config.ok()) return "accepted";
  CHECK(ReasonOf(config.status()) == "CONFIG_INVALID");
  return MessageOf(config.status());
}

Config Accepted(std::string_view text) {
  std::vector<std::string> warnings;
  Config config = Must(BuildConfig(ConfigText{"g", std::string(text)}, std::nullopt, warnings));
  for (const std::string& warning : warnings) FAIL_CHECK(warning);
  return config;
}

struct Case {
  std::string_view text;
  std::string_view message;
};

TEST_CASE("Config: wrong values are refused with their place", "[config]") {
  const Case cases[] = {
      {"merge_keep: yes", "g:1:13: merge_keep: expected true or false, found the text \"yes\""},
      {"merge_keep: 'true'", "g:1:13: merge_keep: expected true or false, found the text \"true\""},
      {"agent: [a]", "g:1:8: agent: expected text, found a list"},
      {"agent: 12", "g:1:8: agent: expected text, found the number 12"},
      {"agent: true", "g:1:8: agent: expected text, found true"},
      {"agent: \"a\\eb\"", "g:1:8: agent: control characters and line breaks are not allowed"},
      {"window_prefix: |\n  a\n  b",
       "g:1:16: window_prefix: control characters and line breaks are not allowed"},
      {"main_branch: --upload-pack=x", "g:1:14: main_branch: a branch must not start with \"-\""},
      {"base_branch: -x", "g:1:14: base_branch: a branch must not start with \"-\""},
      {"worktree_dir: ~/a/{branch}",
       "g:1:15: worktree_dir: {project} is the only placeholder that may be used in the text "
       "\"~/a/{branch}\""},
      {"worktree_naming: short",
       "g:1:18: worktree_naming: expected one of full, basename, found the text \"short\""},
      {"merge_strategy: ff",
       "g:1:17: merge_strategy: expected one of merge, rebase, squash, found the text \"ff\""},
      {"mode: session", "g:1:7: mode: session is not supported yet, use window"},
      {"post_create: make", "g:1:14: post_create: expected a list, found the text \"make\""},
      {"post_create:\n  - make\n  - 1", "g:3:5: post_create[1]: expected text, found the number 1"},
      {"post_create: [<global>]",
       "g:1:15: post_create: <global> has a meaning only in a project file"},
      {"files: [a]", "g:1:8: files: expected a map, found a list"},
      {"windows: [{name: a}]", "g:1:1: windows is not supported yet"},
      {"sandbox: true", "g:1:10: sandbox: expected a map, found true"},
      {"sandbox: {enabled: 1}",
       "g:1:20: sandbox.enabled: expected true or false, found the number 1"},
      {"sandbox:\n  backend: lima",
       "g:2:12: sandbox.backend: lima is not supported yet, use container, namespace"},
      {"sandbox:\n  backend: vm",
       "g:2:12: sandbox.backend: expected one of container, namespace, found the text \"vm\""},
      {"sandbox: {target: [all]}",
       "g:1:19: sandbox.target: expected one of agent, all, found a list"},
      {"sandbox: {image: --privileged}",
       "g:1:18: sandbox.image: expected an image's name, found the text \"--privileged\""},
      {"sandbox: {image: \"a b\"}",
       "g:1:18: sandbox.image: expected an image's name, found the text \"a b\""},
      {"sandbox: {image: \"x:{agnet}\"}",
       "g:1:18: sandbox.image: {agent} is the only placeholder that may be used in the text "
       "\"x:{agnet}\""},
      {"sandbox: {container: {memory: 0}}",
       "g:1:31: sandbox.container.memory: expected a size such as 512m or 8g, found the number 0"},
      {"sandbox: {container: {memory: 8x}}",
       "g:1:31: sandbox.container.memory: expected a size such as 512m or 8g, found the text "
       "\"8x\""},
      {"sandbox: {container: {cpus: -1}}",
       "g:1:29: sandbox.container.cpus: expected a number of CPUs such as 1.5, found the number "
       "-1"},
      {"sandbox: {container: {runtime: lxc}}",
       "g:1:32: sandbox.container.runtime: expected one of docker, podman, apple-container, found "
       "the text \"lxc\""},
      {"sandbox: {agent_config: mine}",
       "g:1:25: sandbox.agent_config: expected one of isolated, shared, found the text \"mine\""},
      {"sandbox: {agent_config_dir: \"agents/{agent}\"}",
       "g:1:29: sandbox.agent_config_dir: expected an absolute path or one below ~, found the text "
       "\"agents/{agent}\""},
      {"sandbox: {agent_config_dir: \"~/{agnet}\"}",
       "g:1:29: sandbox.agent_config_dir: {agent} is the only placeholder that may be used in the "
       "text \"~/{agnet}\""},
      {"sandbox: {toolchain: flake}",
       "g:1:22: sandbox.toolchain: flake is not supported yet, use auto, off"},
  };
  for (const Case& c : cases) {
    INFO(c.text);
    CHECK(Refusal(c.text) == c.message);
  }
}

TEST_CASE("Config: what a sandbox is given is checked", "[config]") {
  const Case cases[] = {
      {"sandbox: {main_worktree: off}",
       "g:1:26: sandbox.main_worktree: expected one of rw, ro, none, found the text \"off\""},
      {"sandbox: {env: [A]}", "g:1:16: sandbox.env: expected a map, found a list"},
      {"sandbox: {env: {A: 1}}", "g:1:20: sandbox.env.A: expected text, found the number 1"},
      {"sandbox: {env: {'A-B': x}}", "g:1:17: sandbox.env: \"A-B\" is not a variable's name"},
      {"sandbox: {env_passthrough: ['A=1']}",
       "g:1:29: sandbox.env_passthrough[0]: expected a variable's name, found the text \"A=1\""},
      {"sandbox: {rpc_host: 'a b'}",
       "g:1:21: sandbox.rpc_host: expected a host name or an address, found the text \"a b\""},
      {"sandbox: {rpc_host: '-x'}",
       "g:1:21: sandbox.rpc_host: expected a host name or an address, found the text \"-x\""},
      {"sandbox: {extra_mounts: /a}",
       "g:1:25: sandbox.extra_mounts: expected a list, found the text \"/a\""},
      {"sandbox: {extra_mounts: [a]}",
       "g:1:26: sandbox.extra_mounts[0]: expected an absolute path or one that starts with ~/, "
       "found the text \"a\""},
      {"sandbox: {extra_mounts: [/a/../b]}",
       "g:1:26: sandbox.extra_mounts[0]: \"..\" is not allowed in the text \"/a/../b\""},
      {"sandbox: {extra_mounts: [{guest_path: /a}]}",
       "g:1:26: sandbox.extra_mounts[0]: host_path is missing"},
      {"sandbox: {extra_mounts: [{host_path: /a, writeable: true}]}",
       "g:1:42: sandbox.extra_mounts[0]: unknown key \"writeable\" (did you mean \"writable\"?)"},
      {"sandbox: {extra_mounts: [{host_path: /a, guest_path: ~/a}]}",
       "g:1:54: sandbox.extra_mounts[0].guest_path: expected an absolute path, found the text "
       "\"~/a\""},
      {"sandbox: {extra_mounts: [{host_path: /a, writable: 1}]}",
       "g:1:52: sandbox.extra_mounts[0].writable: expected true or false, found the number 1"},
      {"sandbox: {container: {memory: 16 G}}",
       "g:1:31: sandbox.container.memory: expected a size such as 512m or 8g, found the text "
       "\"16 G\""},
      {"sandbox: {container: {pids: 0}}",
       "g:1:29: sandbox.container.pids: expected a number from 16 to 4194304, found 0"},
      {"sandbox: {container: {log_size: none}}",
       "g:1:33: sandbox.container.log_size: expected a size such as 512m or 8g, found the text "
       "\"none\""},
      {"sandbox: {container: {devices: [kvm]}}",
       "g:1:33: sandbox.container.devices[0]: expected an absolute path, found the text \"kvm\""},
      {"sandbox: {container: {devices: ['/dev/a:b']}}",
       "g:1:33: sandbox.container.devices[0]: expected /dev/name[:/dev/name][:rwm], found the text "
       "\"/dev/a:b\""},
      {"sandbox: {container: {devices: ['/dev/a b']}}",
       "g:1:33: sandbox.container.devices[0]: expected a device without blanks, colons and commas, "
       "found the text \"/dev/a b\""},
      {"sandbox: {container: {devices: [{host_path: /dev/a, permissions: rr}]}}",
       "g:1:66: sandbox.container.devices[0].permissions: expected letters of rwm, found the text "
       "\"rr\""},
      {"sandbox: {container: {group_add: ['a,b']}}",
       "g:1:35: sandbox.container.group_add[0]: expected a group's name or number, found the text "
       "\"a,b\""},
      {"sandbox: {container: {group_add: [-1]}}",
       "g:1:35: sandbox.container.group_add[0]: expected a number from 0 to 2147483647, found -1"},
      {"sandbox: {container: {excluded_files: [/etc/passwd]}}",
       "g:1:40: sandbox.container.excluded_files[0]: expected a path below the worktree, without "
       "\"..\", found the text \"/etc/passwd\""},
      {"sandbox: {container: {excluded_files: [a/../../b]}}",
       "g:1:40: sandbox.container.excluded_files[0]: expected a path below the worktree, without "
       "\"..\", found the text \"a/../../b\""},
      {"sandbox: {container: {excluded_files: [.]}}",
       "g:1:40: sandbox.container.excluded_files[0]: expected a file, found the text \".\""},
      {"sandbox: {container: {oci_runtime: -x}}",
       "g:1:36: sandbox.container.oci_runtime: expected a runtime's name or path, found the text "
       "\"-x\""},
      {"sandbox: {container: {cap_add: [all]}}",
       "g:1:33: sandbox.container.cap_add[0]: ALL would let the sandbox out and is refused"},
      {"sandbox: {container: {cap_add: [cap_sys_admin]}}",
       "g:1:33: sandbox.container.cap_add[0]: SYS_ADMIN would let the sandbox out and is refused"},
      {"sandbox: {container: {security_opt: [--x]}}",
       "g:1:38: sandbox.container.security_opt[0]: expected an option such as "
       "seccomp=profile.json, found the text \"--x\""},
  };
  for (const Case& c : cases) {
    INFO(c.text);
    CHECK(Refusal(c.text) == c.message);
  }
}

TEST_CASE("Config: what a sandbox is given is read", "[config]") {
  const SandboxConfig sandbox = Accepted(R"(sandbox:
  main_worktree: none
  env: {GH_TOKEN: ghp_x, EMPTY: ''}
  env_passthrough: [GITHUB_TOKEN]
  rpc_host: host.example
  extra_mounts:
    - ~/notes/
    - {host_path: /srv/a, guest_path: /a, writable: true}
  container:
    runtime: podman
    pids: 100
    tmpfs_size: 0
    log_size: 1m
    devices:
      - /dev/kvm
      - /dev/a:/dev/b:rw
      - /dev/c:r
      - {host_path: /dev/d, guest_path: /dev/e, permissions: m}
    group_add: [dialout, "46", 20, keep-groups]
    excluded_files: [.env, ./config//key.pem]
    oci_runtime: kata
    cap_add: [net_raw, CAP_SYS_PTRACE]
    security_opt: [seccomp=unconfined]
)")
                                    .sandbox;
  CHECK(sandbox.main_worktree == MainWorktreeAccess::kNone);
  CHECK(sandbox.env == std::map<std::string, std::string>{{"GH_TOKEN", "ghp_x"}, {"EMPTY", ""}});
  CHECK(sandbox.env_passthrough == std::vector<std::string>{"GITHUB_TOKEN"});
  CHECK(sandbox.rpc_host == "host.example");
  REQUIRE(sandbox.extra_mounts.size() == 2);
  CHECK(sandbox.extra_mounts[0].host_path == "~/notes");
  CHECK_FALSE(sandbox.extra_mounts[0].writable);
  CHECK(sandbox.extra_mounts[1].guest_path == "/a");
  CHECK(sandbox.extra_mounts[1].writable);
  const ContainerConfig& container = sandbox.container;
  CHECK(container.runtime == "podman");
  CHECK(container.pids == 100);
  CHECK(container.tmpfs_size == "0");
  CHECK(container.log_size == "1m");
  CHECK(container.devices == std::vector<Device>{{"/dev/kvm", "/dev/kvm", "rwm"},
                                                 {"/dev/a", "/dev/b", "rw"},
                                                 {"/dev/c", "/dev/c", "r"},
                                                 {"/dev/d", "/dev/e", "m"}});
  CHECK(container.group_add == std::vector<std::string>{"dialout", "46", "20", "keep-groups"});
  CHECK(container.excluded_files == std::vector<std::filesystem::path>{".env", "config/key.pem"});
  CHECK(container.oci_runtime == "kata");
  CHECK(container.cap_add == std::vector<std::string>{"NET_RAW", "SYS_PTRACE"});
  CHECK(container.security_opt == std::vector<std::string>{"seccomp=unconfined"});
}

TEST_CASE("Config: panes are checked", "[config]") {
  const Case cases[] = {
      {"panes: []", "g:1:8: panes: at least one pane is needed"},
      {"panes: {a: b}", "g:1:8: panes: expected a list, found a map"},
      {"panes: [vim]", "g:1:9: panes[0]: expected a map, found the text \"vim\""},
      {"panes: [{split: vertical}]",
       "g:1:9: panes[0]: the first pane cannot have split, size or percentage"},
      {"panes: [{size: 5}]",
       "g:1:9: panes[0]: the first pane cannot have split, size or percentage"},
      {"panes: [{percentage: 5}]",
       "g:1:9: panes[0]: the first pane cannot have split, size or percentage"},
      {"panes:\n  - command: a\n  - command: b",
       "g:3:5: panes[1]: every pane but the first needs split: horizontal or vertical"},
      {"panes: [{}, {split: h}]",
       "g:1:21: panes[1].split: expected one of horizontal, vertical, found the text \"h\""},
      {"panes: [{}, {split: stacked}]",
       "g:1:21: panes[1].split: stacked panes exist only in Zellij, use horizontal, vertical"},
      {"panes: [{}, {split: vertical, size: 5, percentage: 5}]",
       "g:1:13: panes[1]: size and percentage exclude each other"},
      {"panes: [{}, {split: vertical, percentage: 101}]",
       "g:1:43: panes[1].percentage: expected a number from 1 to 100, found 101"},
      {"panes: [{}, {split: vertical, percentage: 0}]",
       "g:1:43: panes[1].percentage: expected a number from 1 to 100, found 0"},
      {"panes: [{}, {split: vertical, size: 5.5}]",
       "g:1:37: panes[1].size: expected a whole number, found the number 5.5"},
      {"panes: [{}, {split: vertical, target: 1}]",
       "g:1:39: panes[1].target: expected the index of an earlier pane (0 is the first), found 1"},
      {"panes: [{}, {split: vertical, target: -1}]",
       "g:1:39: panes[1].target: expected a number from 0 to 10000, found -1"},
      {"panes: [{zoom: true}, {split: vertical, zoom: true}]",
       "g:1:23: panes[1]: only one pane can be zoomed"},
      {"panes: [{name: ' '}]", "g:1:16: panes[0].name: a name must not be blank"},
      {"panes: [{command: 5}]", "g:1:19: panes[0].command: expected text, found the number 5"},
  };
  for (const Case& c : cases) {
    INFO(c.text);
    CHECK(Refusal(c.text) == c.message);
  }
  const Config config = Accepted(
      "panes:\n- {command: <agent>, zoom: true}\n- {split: horizontal, percentage: 40}\n"
      "- {split: vertical, target: 1, size: 10, name: logs}\n");
  REQUIRE(config.panes->size() == 3);
  CHECK(config.panes->at(0).focus);
  CHECK(config.panes->at(0).command == "<agent>");
  CHECK_FALSE(config.panes->at(1).command.has_value());
  CHECK(config.panes->at(1).percentage == 40);
  CHECK(config.panes->at(2).target == 1);
  CHECK(config.panes->at(2).size == 10);
  CHECK(config.panes->at(2).name == "logs");
}

TEST_CASE("Config: agents are checked", "[config]") {
  const Case cases[] = {
      {"agents: [a]", "g:1:9: agents: expected a map, found a list"},
      {"agents: {a: []}", "g:1:13: agents.a: expected text, found a list"},
      {"agents: {a: ''}", "g:1:13: agents.a: a command is needed"},
      {"agents: {'a b': x}", "g:1:10: agents: \"a b\" is not an agent's name"},
      {"agents: {'-a': x}", "g:1:10: agents: \"-a\" is not an agent's name"},
      {"agents: {a: {args: x}}", "g:1:20: agents.a.args: expected a list, found the text \"x\""},
      {"agents: {a: {env: {1A: x}}}", "g:1:20: agents.a.env: \"1A\" is not a variable's name"},
      {"agents: {a: {env: {'A;b': x}}}", "g:1:20: agents.a.env: \"A;b\" is not a variable's name"},
      {"agents: {a: {env: {A: {from: B}}}}",
       "g:1:23: agents.a.env.A: expected text or {from_env: NAME}"},
      {"agents: {a: {env: {A: {from_env: '$(id)'}}}}",
       "g:1:34: agents.a.env.A: expected a variable's name, found the text \"$(id)\""},
      {"agents: {a: {env: {A: 1}}}", "g:1:23: agents.a.env.A: expected text, found the number 1"},
  };
  for (const Case& c : cases) {
    INFO(c.text);
    CHECK(Refusal(c.text) == c.message);
  }
  const Config config = Accepted(
      "agents:\n  plain: claude --verbose\n  work:\n    type: claude\n    command: /opt/wrapper\n"
      "    args: [--model, opus]\n    env: {A: '1', T: {from_env: TOKEN}}\n");
  CHECK(config.agents.at("plain").command == "claude --verbose");
  const AgentConfig& work = config.agents.at("work");
  CHECK(work.type == "claude");
  CHECK(work.args == std::vector<std::string>{"--model", "opus"});
  CHECK(std::get<std::string>(work.env.at("A")) == "1");
  CHECK(std::get<EnvFrom>(work.env.at("T")).name == "TOKEN");
}

TEST_CASE("Config: every supported key reaches its field", "[config]") {
  const Config config = Accepted(
      "main_branch: trunk\nbase_branch: auto\nworktree_dir: ~/wt/{project}\n"
      "worktree_naming: basename\nworktree_prefix: x-\nwindow_prefix: w-\n"
      "window_placement: rightmost\nmode: window\nagent: codex\npost_create: [a]\n"
      "pre_merge: [b]\npre_remove: []\nfiles: {copy: [.env], symlink: [node_modules]}\n"
      "merge_strategy: squash\nmerge_keep: true\nstatus_format: false\n"
      "status_icons: {working: W, waiting: '?', done: D}\nprompt_file_only: true\n"
      "sandbox: {enabled: true, backend: namespace, target: all, image: 'i:{agent}', git: shared,\n"
      "  agent_config: shared, agent_config_dir: '~/a/{agent}',\n"
      "  toolchain: off, container: {runtime: docker, memory: 1.5GiB, cpus: 2}}\n");
  CHECK(config.main_branch == "trunk");
  CHECK(config.base_branch == "auto");
  CHECK(config.worktree_dir == "~/wt/{project}");
  CHECK(config.worktree_naming == WorktreeNaming::kBasename);
  CHECK(config.worktree_prefix == "x-");
  CHECK(config.window_prefix == "w-");
  CHECK(config.window_placement == WindowPlacement::kRightmost);
  CHECK(config.agent == "codex");
  CHECK(config.post_create == std::vector<std::string>{"a"});
  CHECK(config.pre_merge == std::vector<std::string>{"b"});
  REQUIRE(config.pre_remove.has_value());
  CHECK(config.pre_remove->empty());
  CHECK(config.files_copy == std::vector<std::string>{".env"});
  CHECK(config.files_symlink == std::vector<std::string>{"node_modules"});
  CHECK(config.merge_strategy == MergeStrategy::kSquash);
  CHECK(config.merge_keep);
  CHECK_FALSE(config.status_icons.edit_format);
  CHECK(config.status_icons.working == "W");
  CHECK(config.status_icons.waiting == "?");
  CHECK(config.status_icons.done == "D");
  CHECK(config.prompt_file_only);
  CHECK(config.sandbox.enabled);
  CHECK(config.sandbox.backend == "namespace");
  CHECK(config.sandbox.target == SandboxTarget::kAll);
  CHECK(config.sandbox.image == "i:{agent}");
  CHECK(config.sandbox.git == SandboxGit::kShared);
  CHECK(config.sandbox.agent_config == AgentConfigMode::kShared);
  CHECK(config.sandbox.agent_config_dir == "~/a/{agent}");
  CHECK(config.sandbox.container.memory == "1.5GiB");
  CHECK(config.sandbox.container.cpus == "2");
}

}  // namespace
}  // namespace workmux::daemon
