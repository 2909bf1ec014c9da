#include "daemon/adapters/tmux/tmux_list.h"

#include "tests/support/catch.h"
#include "tests/support/status_matchers.h"

namespace workmux::daemon {
namespace {

using Rows = std::vector<std::vector<std::string>>;

// What tmux would print for a row of these values.
std::string Row(const TmuxList& list, const std::vector<std::string>& values) {
  const std::string mark = list.format().substr(list.format().rfind('}') + 1);
  std::string row;
  for (const std::string& value : values) row += value + mark;
  return row;
}

TEST_CASE("TmuxList: each row has the values that were asked for") {
  const TmuxList list({"pane_id", "@mine"});
  CHECK(list.format().starts_with("#{pane_id}workmux-"));
  CHECK(test::Must(list.Parse("")).empty());
  CHECK(test::Must(list.Parse(Row(list, {"%1", ""}) + "\n" + Row(list, {"%2", "b"}))) ==
        Rows{{"%1", ""}, {"%2", "b"}});
}

TEST_CASE("TmuxList: a value with a newline, and with another list's mark, is a value") {
  const TmuxList list({"pane_id", "@mine"});
  const TmuxList other({"pane_id", "@mine"});
  CHECK(list.format() != other.format());
  const std::string forged = "x\n" + Row(other, {"%77", "y"}) + "\n";
  const Rows rows = test::Must(list.Parse(Row(list, {"%1", forged})));
  REQUIRE(rows.size() == 1);
  CHECK(rows[0][0] == "%1");
  CHECK(rows[0][1].find('\n') == std::string::npos);
}

TEST_CASE("TmuxList: text of another shape is an error") {
  const TmuxList list({"pane_id", "@mine"});
  const std::string row = Row(list, {"%1", "a"});
  for (const std::string& text : {std::string("%1"), row + "%2", row + row, row + "\nrest"}) {
    INFO(text);
    CHECK_CODE(list.Parse(text), absl::StatusCode::kDataLoss);
  }
}

}  // namespace
}  // namespace workmux::daemon
