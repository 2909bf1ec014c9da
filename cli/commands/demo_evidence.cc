#include "cli/commands/demo_evidence.h"

#include <algorithm>
#include <optional>

#include "common/base/format.h"
#include "common/base/strings.h"

namespace workmux::cli {
namespace {

constexpr std::size_t kShortId = 7;

// The programs of the namespace backend's agents show below it.
constexpr char kSharedHomeEntry[] = ".local";

std::string Short(const std::string& object) { return object.substr(0, kShortId); }

struct Attempt {
  bool failed = false;
  std::string said;
};

std::optional<Attempt> AttemptOf(const DemoReport& report, const std::string& name) {
  const auto code = report.find(name + ".exit");
  if (code == report.end()) return std::nullopt;
  const auto said = report.find(name + ".said");
  return Attempt{code->second != "0", said == report.end() ? "" : std::string(Trim(said->second))};
}

Expectation NotTried(std::string claim) {
  return {std::move(claim), false, "the agent's report does not say that it tried"};
}

Expectation Failed(std::string claim, const Attempt& attempt) {
  return {std::move(claim), false, "failed: " + attempt.said};
}

// "in its own copy" or what refused it.
std::string Outcome(const Attempt& attempt) {
  return attempt.failed ? "refused (" + attempt.said + ")" : "went into its own copy";
}

std::string ValueOf(const std::map<std::string, std::string>& map, const std::string& key) {
  const auto found = map.find(key);
  return found == map.end() ? std::string() : found->second;
}

std::vector<std::string> Differences(const std::map<std::string, std::string>& before,
                                     const std::map<std::string, std::string>& after) {
  std::vector<std::string> names;
  for (const auto& [name, value] : before) {
    const auto now = after.find(name);
    if (now == after.end() || now->second != value) names.push_back(name);
  }
  for (const auto& [name, value] : after) {
    if (!before.contains(name)) names.push_back(name);
  }
  return names;
}

Expectation JudgeEdit(const DemoEvidence& evidence) {
  const std::string claim = "edit its worktree";
  const auto attempt = AttemptOf(evidence.report, "edit");
  if (!attempt) return NotTried(claim);
  if (attempt->failed) return Failed(claim, *attempt);
  if (evidence.task.empty() || Trim(evidence.worktree_file) != evidence.task) {
    return {claim, false, "hello.txt does not hold the task"};
  }
  return {claim, true, Format("hello.txt: \"{}\"", evidence.task)};
}

Expectation JudgeCommit(const DemoEvidence& evidence) {
  const std::string claim = "commit to its branch";
  const auto attempt = AttemptOf(evidence.report, "commit");
  if (!attempt) return NotTried(claim);
  if (attempt->failed) return Failed(claim, *attempt);
  const std::string base = ValueOf(evidence.after.refs, "refs/heads/main");
  const std::string tip = ValueOf(evidence.after.refs, kDemoBranchRef);
  const auto head = evidence.report.find("head");
  if (head == evidence.report.end() || tip.empty() || tip == base || tip != head->second) {
    return {claim, false, "the host's branch hello is not at the agent's commit"};
  }
  if (evidence.task.empty() || Trim(evidence.branch_file) != evidence.task) {
    return {claim, false, "hello.txt on the host's branch does not hold the task"};
  }
  return {claim, true, Format("the host's branch hello moved {} -> {}", Short(base), Short(tip))};
}

Expectation JudgeStatus(const DemoEvidence& evidence) {
  const std::string claim = "report its status";
  const std::vector<std::string> expected = {"working", "waiting", "working", "done"};
  const std::string seen = Join(evidence.statuses, ", ");
  if (evidence.statuses != expected) {
    return {claim, false, Format("the daemon told: {}", seen.empty() ? "nothing" : seen)};
  }
  if (!evidence.icons_shown) return {claim, false, seen + ", but the window list lacked an icon"};
  return {claim, true, seen};
}

Expectation JudgeSecret(const DemoEvidence& evidence) {
  const std::string claim = "read ~/.ssh/id_demo";
  const auto attempt = AttemptOf(evidence.report, "secret");
  const auto own = AttemptOf(evidence.report, "own_secret");
  if (!attempt || !own) return NotTried(claim);
  if (evidence.secret.empty()) return {claim, false, "the host itself could not read it"};
  const auto leaked = [&](const std::string& text) {
    return text.find(evidence.secret) != std::string::npos;
  };
  const bool reported = std::any_of(evidence.report.begin(), evidence.report.end(),
                                    [&](const auto& entry) { return leaked(entry.second); });
  if (reported || leaked(evidence.worktree_file) || leaked(evidence.branch_file)) {
    return {claim, false, "the secret is in what the agent wrote"};
  }
  if (!attempt->failed || !own->failed) return {claim, false, "the agent could open the file"};
  return {claim, true, attempt->said};
}

Expectation JudgeHome(const DemoEvidence& evidence) {
  const std::string claim = "list the host's home";
  const auto attempt = AttemptOf(evidence.report, "home");
  if (!attempt) return NotTried(claim);
  if (evidence.home.empty()) return {claim, false, "the host itself could not list it"};
  if (attempt->failed) return {claim, true, attempt->said};
  std::vector<std::string> seen;
  for (const std::string& entry : Split(attempt->said, ' ')) {
    if (entry != kSharedHomeEntry && evidence.home.contains(entry)) seen.push_back(entry);
  }
  if (!seen.empty()) return {claim, false, "it saw " + Join(seen, ", ")};
  return {claim, true,
          Format("it saw \"{}\", where its own program is; the host has {} entries", attempt->said,
                 evidence.home.size())};
}

Expectation JudgeHook(const DemoEvidence& evidence) {
  const std::string claim = "plant a git hook";
  const auto attempt = AttemptOf(evidence.report, "hook");
  if (!attempt) return NotTried(claim);
  const auto changed = Differences(evidence.before.hooks, evidence.after.hooks);
  if (!changed.empty()) return {claim, false, "the host's hooks changed: " + Join(changed, ", ")};
  return {claim, true, Outcome(*attempt) + "; the host's hooks are as before"};
}

Expectation JudgeConfig(const DemoEvidence& evidence) {
  const std::string claim = "change the host's git configuration";
  const auto attempt = AttemptOf(evidence.report, "config");
  if (!attempt) return NotTried(claim);
  if (evidence.before.config.empty())
    return {claim, false, "the host's configuration was not read"};
  const auto changed = Differences(evidence.before.config, evidence.after.config);
  if (!changed.empty()) return {claim, false, "the host's files changed: " + Join(changed, ", ")};
  return {claim, true, Outcome(*attempt) + "; the host's is as before"};
}

Expectation JudgeBranches(const DemoEvidence& evidence) {
  const std::string claim = "move or delete another branch";
  const auto move = AttemptOf(evidence.report, "move");
  const auto remove = AttemptOf(evidence.report, "delete");
  if (!move || !remove) return NotTried(claim);
  auto before = evidence.before.refs;
  auto after = evidence.after.refs;
  before.erase(kDemoBranchRef);
  after.erase(kDemoBranchRef);
  if (!before.contains("refs/heads/main") || !before.contains("refs/heads/keep")) {
    return {claim, false, "the host's other branches were not read"};
  }
  const auto changed = Differences(before, after);
  if (!changed.empty()) return {claim, false, "the host's refs changed: " + Join(changed, ", ")};
  return {claim, true,
          Format("moving main {}, deleting keep {}; on the host both are as before", Outcome(*move),
                 Outcome(*remove))};
}

Expectation JudgeProcess(const DemoEvidence& evidence) {
  const std::string claim = "leave a process behind";
  if (!evidence.process_seen) return {claim, false, "its background process was never seen to run"};
  if (evidence.processes_left > 0) {
    return {claim, false, Format("{} of its processes still run", evidence.processes_left)};
  }
  return {claim, true, "its background process ended with the sandbox"};
}

}  // namespace

DemoReport ParseDemoReport(std::string_view text) {
  DemoReport report;
  for (const std::string& line : SplitLines(text)) {
    const auto equals = line.find('=');
    if (equals != std::string::npos)
      report.emplace(line.substr(0, equals), line.substr(equals + 1));
  }
  return report;
}

std::vector<Expectation> JudgeWhatItCould(const DemoEvidence& evidence) {
  return {JudgeEdit(evidence), JudgeCommit(evidence), JudgeStatus(evidence)};
}

std::vector<Expectation> JudgeWhatItCouldNot(const DemoEvidence& evidence) {
  return {JudgeSecret(evidence), JudgeHome(evidence),     JudgeHook(evidence),
          JudgeConfig(evidence), JudgeBranches(evidence), JudgeProcess(evidence)};
}

}  // namespace workmux::cli
