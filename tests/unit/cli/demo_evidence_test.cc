#include "cli/commands/demo_evidence.h"

#include <algorithm>
#include <functional>

#include "tests/support/catch.h"

namespace workmux::cli {
namespace {

constexpr char kReport[] =
    "status.exit=0\nedit.exit=0\nedit.said=\ncommit.exit=0\ncommit.said=\nhead=bbbb\nanswer=yes\n"
    "secret.exit=1\nsecret.said=cat: No such file\nown_secret.exit=1\nown_secret.said=cat: No such "
    "file\n"
    "home.exit=0\nhome.said=.local\nhook.exit=0\nhook.said=\nconfig.exit=0\nconfig.said=\n"
    "move.exit=0\nmove.said=\ndelete.exit=0\ndelete.said=\n";

// What a run shows in which everything went as claimed.
DemoEvidence Good() {
  DemoEvidence evidence;
  evidence.report = ParseDemoReport(kReport);
  evidence.before.refs = {
      {"refs/heads/main", "aaaa"}, {"refs/heads/keep", "aaaa"}, {"refs/heads/hello", "bbbb"}};
  evidence.before.config = {{"config", "[core]\n"}};
  evidence.before.hooks = {{"pre-commit.sample", "100755 exit 0"}};
  evidence.after = evidence.before;
  evidence.task = "say hello";
  evidence.worktree_file = "say hello\n";
  evidence.branch_file = "say hello\n";
  evidence.secret = "secret 42";
  evidence.home = {".ssh", ".local", "diary.txt"};
  evidence.statuses = {"working", "waiting", "working", "done"};
  evidence.icons_shown = true;
  evidence.process_seen = true;
  return evidence;
}

std::vector<Expectation> Judge(const DemoEvidence& evidence) {
  std::vector<Expectation> all = JudgeWhatItCould(evidence);
  for (auto& expectation : JudgeWhatItCouldNot(evidence)) all.push_back(std::move(expectation));
  return all;
}

std::vector<std::string> Unmet(const DemoEvidence& evidence) {
  std::vector<std::string> claims;
  for (const auto& expectation : Judge(evidence)) {
    CHECK_FALSE(expectation.reason.empty());
    if (!expectation.met) claims.push_back(expectation.claim);
  }
  return claims;
}

struct Case {
  std::string claim;  // the only one that must fail
  std::function<void(DemoEvidence&)> forge;
};

void CheckCases(const std::vector<Case>& cases) {
  for (const Case& one : cases) {
    DemoEvidence evidence = Good();
    one.forge(evidence);
    CHECK(Unmet(evidence) == std::vector<std::string>{one.claim});
  }
}

TEST_CASE("DemoEvidence: a run in which everything went as claimed meets all", "[demo]") {
  CHECK(Unmet(Good()).empty());
  CHECK(Judge(Good()).size() == 9);
}

TEST_CASE("DemoEvidence: evidence of nothing meets nothing", "[demo]") {
  CHECK(Unmet(DemoEvidence()).size() == 9);
}

TEST_CASE("DemoEvidence: work that did not reach the host is noticed", "[demo]") {
  CheckCases({
      {"edit its worktree", [](auto& e) { e.worktree_file = "something else\n"; }},
      {"edit its worktree", [](auto& e) { e.report["edit.exit"] = "1"; }},
      {"commit to its branch", [](auto& e) { e.after.refs["refs/heads/hello"] = "aaaa"; }},
      {"commit to its branch", [](auto& e) { e.after.refs.erase("refs/heads/hello"); }},
      {"commit to its branch", [](auto& e) { e.report["head"] = "cccc"; }},
      {"commit to its branch", [](auto& e) { e.branch_file = ""; }},
      {"report its status",
       [](auto& e) {
         e.statuses = {"working", "done"};
       }},
      {"report its status", [](auto& e) { e.icons_shown = false; }},
  });
}

TEST_CASE("DemoEvidence: a secret that got out is noticed wherever it stands", "[demo]") {
  CheckCases({
      {"read ~/.ssh/id_demo", [](auto& e) { e.report["secret.exit"] = "0"; }},
      {"read ~/.ssh/id_demo", [](auto& e) { e.report["own_secret.exit"] = "0"; }},
      {"read ~/.ssh/id_demo", [](auto& e) { e.report["answer"] = "it is secret 42"; }},
      {"read ~/.ssh/id_demo", [](auto& e) { e.secret = ""; }},
  });
  DemoEvidence committed = Good();
  committed.branch_file = committed.worktree_file = "say hello secret 42\n";
  const auto unmet = Unmet(committed);
  CHECK(std::find(unmet.begin(), unmet.end(), "read ~/.ssh/id_demo") != unmet.end());
}

TEST_CASE("DemoEvidence: a host that was changed is noticed", "[demo]") {
  CheckCases({
      {"list the host's home", [](auto& e) { e.report["home.said"] = ".local .ssh"; }},
      {"list the host's home", [](auto& e) { e.home.clear(); }},
      {"plant a git hook", [](auto& e) { e.after.hooks["post-merge"] = "100755 evil"; }},
      {"plant a git hook", [](auto& e) { e.after.hooks["pre-commit.sample"] = "100755 evil"; }},
      {"change the host's git configuration", [](auto& e) { e.after.config["config"] += "[x]\n"; }},
      {"change the host's git configuration",
       [](auto& e) { e.after.config["config.worktree"] = ""; }},
      {"move or delete another branch", [](auto& e) { e.after.refs["refs/heads/keep"] = "bbbb"; }},
      {"move or delete another branch", [](auto& e) { e.after.refs.erase("refs/heads/keep"); }},
      {"move or delete another branch",
       [](auto& e) { e.after.refs["refs/replace/aaaa"] = "bbbb"; }},
      {"leave a process behind", [](auto& e) { e.processes_left = 1; }},
      {"leave a process behind", [](auto& e) { e.process_seen = false; }},
  });
}

TEST_CASE("DemoEvidence: what was not tried is not counted as refused", "[demo]") {
  const std::vector<std::pair<std::string, std::string>> attempts = {
      {"secret", "read ~/.ssh/id_demo"},
      {"home", "list the host's home"},
      {"hook", "plant a git hook"},
      {"config", "change the host's git configuration"},
      {"move", "move or delete another branch"},
      {"delete", "move or delete another branch"}};
  for (const auto& [attempt, claim] : attempts) {
    DemoEvidence evidence = Good();
    evidence.report.erase(attempt + ".exit");
    CHECK(Unmet(evidence) == std::vector<std::string>{claim});
  }
}

TEST_CASE("DemoReport: of a key that stands twice the first counts", "[demo]") {
  const DemoReport report = ParseDemoReport("a.exit=0\nnoise\na.exit=1\nb=x=y\n");
  CHECK(report == DemoReport{{"a.exit", "0"}, {"b", "x=y"}});
}

}  // namespace
}  // namespace workmux::cli
