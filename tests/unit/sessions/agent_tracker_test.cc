#include "daemon/domain/agent_tracker.h"

#include "tests/fakes/fake_multiplexer.h"
#include "tests/fakes/fake_records.h"
#include "tests/support/status_matchers.h"

namespace workmux::daemon {
namespace {

constexpr char kSocket[] = "/fake/tmux";

struct Fixture {
  test::FakeAgentRecords records;
  test::FakeMultiplexers tmux;
  const StatusIcons icons{.working = "W", .waiting = "?", .done = "D"};
  const std::string pane = tmux.server->AddForeignWindow("agent");
  AgentTracker tracker{records, tmux};

  absl::Status Set(AgentStatus status, const AgentTracker::Facts& facts = {}) {
    return tracker.SetStatus(kSocket, pane, status, icons, facts);
  }
  AgentRecord Only() {
    const std::vector<AgentRecord> all = tracker.All();
    REQUIRE(all.size() == 1);
    return all.front();
  }
};

TEST_CASE("AgentTracker: a status is written down and its icon shown") {
  Fixture f;
  REQUIRE_OK(f.Set(AgentStatus::kWorking));
  CHECK(f.Only().status == AgentStatus::kWorking);
  CHECK(f.Only().pane.server_start == "1700000000");
  CHECK(f.records.agents.at({kSocket, f.pane}).status == AgentStatus::kWorking);
  CHECK(f.tmux.server->icons[f.pane] == "W");
  CHECK_FALSE(f.tmux.server->auto_clears[f.pane]);
}

TEST_CASE("AgentTracker: the window list's format is left to a user who wants that") {
  Fixture f;
  StatusIcons icons = f.icons;
  icons.edit_format = false;
  REQUIRE_OK(f.tracker.SetStatus(kSocket, f.pane, AgentStatus::kWorking, icons, {}));
  CHECK(f.tmux.server->icons[f.pane] == "W");
  CHECK_FALSE(f.tmux.server->edits_format.at(f.pane));
  REQUIRE_OK(f.Set(AgentStatus::kWorking));
  CHECK(f.tmux.server->edits_format.at(f.pane));
}

TEST_CASE("AgentTracker: what waits for a person goes away when one has looked") {
  Fixture f;
  REQUIRE_OK(f.Set(AgentStatus::kWaiting));
  CHECK(f.tmux.server->auto_clears[f.pane]);
  REQUIRE_OK(f.Set(AgentStatus::kDone));
  CHECK(f.tmux.server->icons[f.pane] == "D");
  CHECK(f.tmux.server->auto_clears[f.pane]);
}

TEST_CASE("AgentTracker: clearing takes the icon away and keeps the agent") {
  Fixture f;
  REQUIRE_OK(f.Set(AgentStatus::kWorking));
  REQUIRE_OK(f.Set(AgentStatus::kNone));
  CHECK(f.Only().status == AgentStatus::kNone);
  CHECK(f.tmux.server->icons[f.pane].empty());
}

TEST_CASE("AgentTracker: the time of a status is kept while the status stays") {
  Fixture f;
  AgentRecord old;
  old.pane = {kSocket, "1700000000", f.pane};
  old.status = AgentStatus::kWorking;
  old.status_since = 1000;
  old.updated = 1000;
  REQUIRE_OK(f.records.PutAgent(old));
  REQUIRE_OK(f.tracker.Load());
  REQUIRE_OK(f.Set(AgentStatus::kWorking));
  CHECK(f.Only().status_since == 1000);
  CHECK(f.Only().updated > 1000);
  REQUIRE_OK(f.Set(AgentStatus::kDone));
  CHECK(f.Only().status_since > 1000);
}

TEST_CASE("AgentTracker: facts that are not said again are kept") {
  Fixture f;
  REQUIRE_OK(f.Set(AgentStatus::kWorking, {.workdir = "/w/src",
                                           .worktree = "/w",
                                           .repository = "/r/.git",
                                           .branch = "topic",
                                           .agent_kind = "claude",
                                           .session_id = "s1"}));
  REQUIRE_OK(f.Set(AgentStatus::kDone));
  CHECK(f.Only().workdir == "/w/src");
  CHECK(f.Only().worktree == "/w");
  CHECK(f.Only().repository == "/r/.git");
  CHECK(f.Only().branch == "topic");
  CHECK(f.Only().agent_kind == "claude");
  CHECK(f.Only().session_id == "s1");
  AgentTracker::Facts moved;
  moved.branch = "other";
  REQUIRE_OK(f.Set(AgentStatus::kDone, moved));
  CHECK(f.Only().branch == "other");
  CHECK(f.Only().worktree == "/w");
}

TEST_CASE(
    "AgentTracker: a status that could not be written is shown all the same, and the failure "
    "told") {
  Fixture f;
  f.records.put_failure = DataLoss("the disk is full");
  CHECK_CODE(f.Set(AgentStatus::kWorking), absl::StatusCode::kDataLoss);
  CHECK(f.Only().status == AgentStatus::kWorking);
  f.records.put_failure = DataLoss("the disk is full");
  CHECK_CODE(f.tracker.SetTitle(kSocket, f.pane, "title"), absl::StatusCode::kDataLoss);
  CHECK(f.Only().title == "title");
}

TEST_CASE("AgentTracker: without tmux the status is kept and the failure told") {
  Fixture f;
  f.tmux.server->set_running(false);
  CHECK_CODE(f.Set(AgentStatus::kDone), absl::StatusCode::kUnavailable);
  CHECK(f.Only().status == AgentStatus::kDone);
  CHECK(f.records.agents.size() == 1);
}

TEST_CASE("AgentTracker: a title of a guest is reduced before anybody sees it") {
  Fixture f;
  REQUIRE_OK(f.tracker.SetTitle(kSocket, f.pane, "#[fg=red]#(id)\x1b]0;x\x07 fix"));
  const std::string title = f.Only().title;
  CHECK_THAT(title, Catch::Contains("fix"));
  CHECK(title.find_first_of("#[]()\x1b\x07;=") == std::string::npos);
  CHECK(f.tmux.server->titles[f.pane] == title);
  CHECK(f.records.agents.at({kSocket, f.pane}).title == title);
}

TEST_CASE("AgentTracker: panes that tmux no longer has are forgotten, others stay") {
  Fixture f;
  REQUIRE_OK(f.Set(AgentStatus::kWorking));
  REQUIRE_OK(f.tracker.SetStatus(kSocket, "%99", AgentStatus::kWorking, f.icons, {}));
  REQUIRE_OK(f.tracker.SetStatus("/other/tmux", "%98", AgentStatus::kWorking, f.icons, {}));
  REQUIRE_OK(f.tracker.Reconcile(kSocket));
  CHECK(f.tracker.All().size() == 2);
  CHECK_FALSE(f.records.agents.contains({kSocket, "%99"}));
  CHECK(f.records.agents.contains({kSocket, f.pane}));
  CHECK(f.records.agents.contains({"/other/tmux", "%98"}));
}

TEST_CASE("AgentTracker: a record of an earlier server is dropped although its pane id lives") {
  Fixture f;
  REQUIRE_OK(f.Set(AgentStatus::kWorking));
  f.tmux.server->set_server_start("1800000000");
  REQUIRE_OK(f.tracker.Reconcile(kSocket));
  CHECK(f.tracker.All().empty());
  CHECK(f.records.agents.empty());
}

TEST_CASE("AgentTracker: an agent in a pane of a new server inherits nothing") {
  Fixture f;
  REQUIRE_OK(f.Set(AgentStatus::kWorking, {.workdir = "/w",
                                           .worktree = "/w",
                                           .repository = {},
                                           .branch = "topic",
                                           .agent_kind = "claude",
                                           .session_id = "s1"}));
  REQUIRE_OK(f.tracker.SetTitle(kSocket, f.pane, "old title"));
  f.tmux.server->set_server_start("1800000000");
  REQUIRE_OK(f.Set(AgentStatus::kWorking));
  CHECK(f.Only().pane.server_start == "1800000000");
  CHECK(f.Only().branch.empty());
  CHECK(f.Only().session_id.empty());
  CHECK(f.Only().title.empty());
}

TEST_CASE("AgentTracker: a server that does not answer keeps its records") {
  Fixture f;
  REQUIRE_OK(f.Set(AgentStatus::kWorking));
  f.tmux.server->set_running(false);
  CHECK_CODE(f.tracker.Reconcile(kSocket), absl::StatusCode::kUnavailable);
  AgentTracker next(f.records, f.tmux);
  REQUIRE_OK(next.Load());
  CHECK(next.All().size() == 1);
  CHECK(f.records.agents.size() == 1);
  // Once it answers, what it no longer has is dropped.
  f.tmux.server->set_running(true);
  f.tmux.server->set_server_start("1800000000");
  AgentTracker last(f.records, f.tmux);
  REQUIRE_OK(last.Load());
  CHECK(last.All().empty());
}

TEST_CASE("AgentTracker: a pane that closes takes its agent with it") {
  Fixture f;
  REQUIRE_OK(f.Set(AgentStatus::kWorking));
  f.tmux.server->ReportPaneGone("%77");
  CHECK(f.tracker.All().size() == 1);
  f.tmux.server->ReportPaneGone(f.pane);
  CHECK(f.tracker.All().empty());
  CHECK(f.records.agents.empty());
}

TEST_CASE("AgentTracker: an observer sees what is there, each change, and the end") {
  Fixture f;
  REQUIRE_OK(f.Set(AgentStatus::kWorking));
  std::vector<std::pair<AgentStatus, bool>> seen;
  auto subscription = f.tracker.Subscribe([&](const AgentTracker::Change& change) {
    seen.emplace_back(change.record.status, change.gone);
  });
  REQUIRE_OK(f.Set(AgentStatus::kDone));
  f.tmux.server->ReportPaneGone(f.pane);
  using Seen = std::vector<std::pair<AgentStatus, bool>>;
  CHECK(seen == Seen{{AgentStatus::kWorking, false},
                     {AgentStatus::kDone, false},
                     {AgentStatus::kDone, true}});
  subscription.reset();
  REQUIRE_OK(f.Set(AgentStatus::kWaiting));
  CHECK(seen.size() == 3);
}

}  // namespace
}  // namespace workmux::daemon
