#include "daemon/adapters/git/porcelain.h"

#include <string>

#include "common/base/format.h"
#include "daemon/adapters/git/git_changes.h"
#include "tests/support/status_matchers.h"

namespace workmux::daemon {
namespace {

using std::string_literals::operator""s;

const std::string kId(40, 'a');
const std::string kModes =
    "N... 100644 100644 100644 "s + std::string(40, '1') + " " + std::string(40, '2');

std::string Ordinary(std::string_view xy, std::string_view path) {
  return Format("1 {} {} {}", xy, kModes, path) + '\0';
}

}  // namespace

TEST_CASE("ParseStatus: every kind of record") {
  const std::string output =
      Ordinary(".M", "with space\nand line") + Ordinary("A.", "staged") +
      Format("2 R. {} R100 to", kModes) + '\0' + "from" + '\0' +
      Format("u UU N... 100644 100644 100644 100644 {} {} {} both", kId, kId, kId) + '\0' +
      "? new" + '\0';
  const StatusReport report = test::Must(ParseStatus(output));
  CHECK(report.changes.staged);
  CHECK(report.changes.unstaged);
  CHECK(report.changes.untracked);
  CHECK(report.changes.conflicted);
  CHECK(report.changes.count == 5);
  CHECK(report.changes.lines == std::vector<std::string>{" M with space\nand line", "A  staged",
                                                         "R  from -> to", "UU both", "?? new"});
  CHECK(report.conflicted == std::vector<std::string>{"both"});
  CHECK(test::Must(ParseStatus("")).changes.clean());
}

TEST_CASE("ParseStatus: counts all, keeps twenty lines") {
  std::string output;
  for (int i = 0; i < 50; ++i) output += Format("? f{}", i) + '\0';
  const StatusReport report = test::Must(ParseStatus(output));
  CHECK(report.changes.count == 50);
  CHECK(report.changes.lines.size() == kMaxStatusLines);
}

TEST_CASE("ParseStatus: what is not understood never looks clean") {
  const std::string good = Ordinary(".M", "path");
  for (std::size_t i = 1; i < good.size(); ++i) {
    INFO(i);
    CHECK_CODE(ParseStatus(good.substr(0, i)), absl::StatusCode::kDataLoss);
  }
  for (const std::string& bad :
       {"x y"s + '\0', "\0"s, "2 R. "s + kModes + " R1 to\0"s, "1 .M\0"s}) {
    CHECK_CODE(ParseStatus(bad), absl::StatusCode::kDataLoss);
  }
}

TEST_CASE("ParseWorktreeList: main, linked, detached, bare and unborn") {
  const std::string output = "worktree /a\0HEAD "s + kId + "\0branch refs/heads/main\0\0"s +
                             "worktree /b\nc\0HEAD "s + kId + "\0detached\0locked why\0\0"s +
                             "worktree /d\0bare\0\0worktree /e\0HEAD "s + std::string(40, '0') +
                             "\0branch refs/heads/x\0\0"s;
  const auto listed = test::Must(ParseWorktreeList(output));
  REQUIRE(listed.size() == 4);
  CHECK(listed[0].branch == "refs/heads/main");
  CHECK(listed[1].path == "/b\nc");
  CHECK(listed[1].branch.empty());
  CHECK(listed[2].bare);
  CHECK(listed[3].head.empty());
  CHECK_CODE(ParseWorktreeList("HEAD x\0"s), absl::StatusCode::kDataLoss);
  CHECK_CODE(ParseWorktreeList("worktree /a\0HEAD zz\0\0"s), absl::StatusCode::kDataLoss);
}

TEST_CASE("ParseLog: pairs of id and subject") {
  const auto commits = test::Must(ParseLog(kId + "\0first\0"s + kId + "\0\0"s));
  REQUIRE(commits.size() == 2);
  CHECK(commits[0].subject == "first");
  CHECK(commits[1].subject.empty());
  CHECK_CODE(ParseLog(kId + "\0open"s), absl::StatusCode::kDataLoss);
  CHECK_CODE(ParseLog("zz\0s\0"s), absl::StatusCode::kDataLoss);
}

TEST_CASE("ParseGitlinks: only mode 160000, with any bytes in the path") {
  const auto paths = test::Must(ParseGitlinks("100644 x 0\ta\0"s + "160000 x 0\tsub\tdir\0"s));
  CHECK(paths == std::vector<std::string>{"sub\tdir"});
  CHECK_CODE(ParseGitlinks("160000 x 0\0"s), absl::StatusCode::kDataLoss);
}

TEST_CASE("MayHoldGitlinks: modes and split indexes") {
  CHECK(MayHoldGitlinks("DIRC....\0\0\xe0\0....."s));
  CHECK(MayHoldGitlinks("DIRC....link...."s));
  CHECK(!MayHoldGitlinks("DIRC....\0\0\x81\xa4....."s));
}

}  // namespace workmux::daemon
