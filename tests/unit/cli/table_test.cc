#include "cli/terminal/table.h"

#include "cli/commands/list.h"
#include "cli/output/agent_status.h"
#include "cli/terminal/terminal.h"
#include "tests/support/catch.h"
#include "workmux/control/v1/workspace.pb.h"

namespace workmux::cli {
namespace {

TEST_CASE("FormatTable: columns line up over wide characters and escapes are taken out", "[cli]") {
  CHECK(FormatTable({"A", "B"}, {{"日本", "x"}, {"", "\x1b[31my"}}) ==
        "A     B\n"
        "日本  x\n"
        "-     ?[31my\n");
}

TEST_CASE("FormatAge: the largest whole unit", "[cli]") {
  CHECK(FormatAge(3) == "now");
  CHECK(FormatAge(61) == "1m");
  CHECK(FormatAge(86400 * 8) == "1w");
  CHECK(FormatAge(86400 * 400) == "1y");
}

TEST_CASE("StatusSummary: one status is a word, several are counted", "[cli]") {
  CHECK(StatusSummary({"working"}, false) == "working");
  CHECK(StatusSummary({"done", "working", "working"}, false) == "2 working 1 done");
  CHECK(StatusSummary({"done", "working", "working"}, true) == "2🤖 1✅");
  CHECK(StatusSummary({}, true).empty());
}

TEST_CASE("WorktreeTable: what is not known is shown as such, not as clean", "[cli]") {
  control::v1::ListWorktreesResponse response;
  auto* main = response.add_worktrees();
  main->set_branch("main");
  main->set_path("/src/app");
  main->set_is_main(true);
  main->set_is_open(false);
  auto* docs = response.add_worktrees();
  docs->set_branch("docs");
  docs->set_path("/src/app__worktrees/docs");
  docs->set_created_unix_seconds(1000);
  CHECK(WorktreeTable(response, "/src/app", false, 1000 + 7200) ==
        "BRANCH  AGE  AGENT  MUX  UNMERGED  PATH\n"
        "main    -    -      -    -         .\n"
        "docs    2h   -      ?    ?         ../app__worktrees/docs\n");
}

TEST_CASE("PrintableLines: keeps lines and tabs and nothing else that moves a cursor", "[cli]") {
  CHECK(PrintableLines("a\tb\nc\x1b]0;x\x07") == "a\tb\nc?]0;x?");
}

}  // namespace
}  // namespace workmux::cli
