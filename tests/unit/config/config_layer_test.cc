#include "daemon/config/config_layer.h"

#include "daemon/config/config_binding.h"
#include "daemon/config/config_schema.h"
#include "daemon/config/yaml_parser.h"
#include "tests/support/catch.h"
#include "tests/support/status_matchers.h"

namespace workmux::daemon {
namespace {

using test::Must;
using Texts = std::vector<std::string>;

struct Outcome {
  Config config;
  std::string error;
  Texts warnings;
};

Outcome Build(std::string_view global, std::string_view project) {
  Outcome outcome;
  auto config = BuildConfig(ConfigText{"g", std::string(global)},
                            ConfigText{"p", std::string(project)}, outcome.warnings);
  if (config.ok()) {
    outcome.config = *config;
  } else {
    outcome.error = MessageOf(config.status());
  }
  return outcome;
}

TEST_CASE("Config: the project's keys win one by one", "[config]") {
  const Outcome outcome = Build(
      "agent: codex\nmerge_keep: true\nworktree_naming: basename\nstatus_icons: {done: D}\n"
      "sandbox: {enabled: true, target: all}\n",
      "agent: gemini\nmerge_keep: false\nworktree_naming: full\nstatus_icons: {working: W}\n"
      "sandbox: {target: agent}\nmain_branch:\n");
  CHECK(outcome.error.empty());
  CHECK(outcome.warnings.empty());
  CHECK(outcome.config.agent == "gemini");
  CHECK_FALSE(outcome.config.merge_keep);
  CHECK(outcome.config.worktree_naming == WorktreeNaming::kFull);
  CHECK(outcome.config.status_icons.done == "D");
  CHECK(outcome.config.status_icons.working == "W");
  CHECK(outcome.config.sandbox.enabled);
  CHECK(outcome.config.sandbox.target == SandboxTarget::kAgent);
}

TEST_CASE("Config: <global> stands for the global list", "[config]") {
  const Outcome outcome =
      Build("post_create: [a, b]\npre_merge: [m]\nfiles: {copy: [.env]}\n",
            "post_create: [x, <global>, y]\npre_merge: [n]\npre_remove: [<global>]\n"
            "files: {copy: [<global>, c], symlink: [<global>]}\n");
  CHECK(outcome.error.empty());
  CHECK(outcome.config.post_create == Texts{"x", "a", "b", "y"});
  CHECK(outcome.config.pre_merge == Texts{"n"});
  CHECK(outcome.config.pre_remove == Texts{});
  CHECK(outcome.config.files_copy == Texts{".env", "c"});
  CHECK(outcome.config.files_symlink == Texts{});
}

TEST_CASE("Config: global-only keys in a project file are dropped with a warning", "[config]") {
  const Outcome outcome =
      Build("sandbox: {git: clone}\nagents: {claude: safe}\n",
            "agents: {claude: evil}\nsandbox:\n  git: shared\n  network:\n    policy: allow\n"
            "    allowed_domains: [evil.example]\n  extra_mounts: [/]\n  container:\n"
            "    cap_add: [ALL]\n");
  CHECK(outcome.error.empty());
  CHECK(outcome.warnings ==
        Texts{"p:1:1: agents may only be set in the global file, ignored",
              "p:3:3: sandbox.git may only be set in the global file, ignored",
              "p:5:5: sandbox.network.policy may only be set in the global file, ignored",
              "p:6:5: sandbox.network.allowed_domains may only be set in the global file, ignored",
              "p:7:3: sandbox.extra_mounts may only be set in the global file, ignored",
              "p:9:5: sandbox.container.cap_add may only be set in the global file, ignored"});
  CHECK(outcome.config.sandbox.git == SandboxGit::kClone);
  CHECK(outcome.config.agents.at("claude").command == "safe");
}

TEST_CASE("Config: no global-only key has an effect from a project file", "[config]") {
  for (const KeyRow& row : ConfigSchema()) {
    if (row.scope != KeyScope::kGlobalOnly) continue;
    std::string text;
    std::string indent;
    std::string_view rest = row.name;
    for (std::size_t dot = rest.find('.'); dot != std::string_view::npos; dot = rest.find('.')) {
      text += Format("{}{}:\n", indent, rest.substr(0, dot));
      indent += "  ";
      rest = rest.substr(dot + 1);
    }
    text += Format("{}{}: [something]\n", indent, rest);
    std::vector<std::string> warnings;
    INFO(text);
    const ConfigLayer layer = Must(ParseLayer({"p", text}, ConfigOrigin::kProject, warnings));
    CHECK(layer.empty());
    CHECK(warnings.size() == 1);
  }
}

TEST_CASE("Config: unknown keys are warnings with a suggestion", "[config]") {
  const Outcome outcome = Build(
      "agnet: x\nzzz: 1\nimage: x\nfiles: {cpoy: [a]}\nnetwork: {policy: deny}\n"
      "panes: [{comand: a}]\nagents: {a: {typo: b, command: c}}\n",
      "");
  CHECK(outcome.error.empty());
  CHECK(outcome.warnings ==
        Texts{"g:1:1: unknown key \"agnet\" (did you mean \"agent\"?), ignored",
              "g:2:1: unknown key \"zzz\", ignored",
              "g:3:1: unknown key \"image\" (did you mean \"sandbox.image\"?), ignored",
              "g:4:9: unknown key \"cpoy\" in files (did you mean \"copy\"?), ignored",
              "g:5:1: unknown key \"network\" (did you mean \"sandbox.network\"?), ignored",
              "g:6:10: panes[0]: unknown key \"comand\" (did you mean \"command\"?), ignored",
              "g:7:14: agents.a: unknown key \"typo\" (did you mean \"type\"?), ignored"});
}

TEST_CASE("Config: unknown keys below sandbox are errors in either file", "[config]") {
  CHECK(Build("sandbox:\n  enabeld: true\n", "").error ==
        "g:2:3: unknown key \"enabeld\" in sandbox (did you mean \"enabled\"?)");
  CHECK(Build("sandbox:\n  network:\n    polcy: deny\n", "").error ==
        "g:3:5: unknown key \"polcy\" in sandbox.network (did you mean \"policy\"?)");
  CHECK(Build("", "sandbox: {xyzzy: 1}\n").error == "p:1:11: unknown key \"xyzzy\" in sandbox");
  CHECK(Build("", "sandbox.enabled: true\n").error == "p:1:1: unknown key \"sandbox.enabled\"");
  CHECK(Build("sandbx: {enabled: true}\n", "").error ==
        "g:1:1: unknown key \"sandbx\" (did you mean \"sandbox\"?)");
  CHECK(Build("Sandbox: {enabled: true}\n", "").error ==
        "g:1:1: unknown key \"Sandbox\" (did you mean \"sandbox\"?)");
}

TEST_CASE("Config: known keys without support are refused unless they say the default",
          "[config]") {
  CHECK(Build("sandbox:\n  network:\n    enforcement: firewal\n", "")
            .error.starts_with("g:3:18: sandbox.network.enforcement: "));
  CHECK(Build("sandbox: {lima: {cpus: 8}}\n", "").error ==
        "g:1:18: sandbox.lima.cpus is not supported yet");
  CHECK(Build("", "sandbox: {lima: {provision: x}}\n").error ==
        "p:1:18: sandbox.lima.provision is not supported yet");
  const Outcome outcome =
      Build("windows: []\nsandbox: {network: {policy: allow, allowed_domains: []}, env: {}}\n", "");
  CHECK(outcome.error.empty());
  CHECK(outcome.warnings.empty());
}

TEST_CASE("Config: every refused key is refused with another value", "[config]") {
  for (const KeyRow& row : ConfigSchema()) {
    if (row.support != KeySupport::kRefused) continue;
    std::string text(row.name);
    std::string closing = ": [\"another\", \"value\"]";
    for (std::size_t dot = text.find('.'); dot != std::string::npos; dot = text.find('.')) {
      text.replace(dot, 1, ": {");
      closing += "}";
    }
    INFO(text + closing);
    CHECK(Build(text + closing, "").error.find(Format("{} is not supported yet", row.name)) !=
          std::string::npos);
  }
}

TEST_CASE("Config: harmless keys without support are ignored with a warning", "[config]") {
  const Outcome outcome = Build(
      "theme: mossfire\ndashboard: {merge: x, commit: y}\nnerdfont: true\nlayouts: {a: 1}\n"
      "auto_update_check: true\nsidebar:\n",
      "");
  CHECK(outcome.error.empty());
  CHECK(outcome.warnings == Texts{"g:1:1: theme is not supported yet, ignored",
                                  "g:2:1: dashboard is not supported yet, ignored",
                                  "g:3:1: nerdfont is not supported yet, ignored",
                                  "g:4:1: layouts is not supported yet, ignored"});
}

TEST_CASE("Config: keys of hostile files are shown without control characters", "[config]") {
  const Outcome outcome = Build("", "\"a\\e[2Jb\": 1\n");
  REQUIRE(outcome.warnings.size() == 1);
  CHECK(outcome.warnings[0] == "p:1:1: unknown key \"a?[2Jb\", ignored");
}

TEST_CASE("ConfigSchema: exactly the supported keys have a binding", "[config]") {
  for (const KeyRow& row : ConfigSchema()) {
    INFO(std::string(row.name));
    CHECK(HasBinding(row.name) == (row.support == KeySupport::kNow));
    CHECK((row.default_value.empty() || ParseYamlValue(row.default_value).ok()));
    CHECK_FALSE(row.doc.empty());
    CHECK((row.type == KeyType::kChoice) == !row.choices.empty());
  }
}

}  // namespace
}  // namespace workmux::daemon
