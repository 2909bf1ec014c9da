#include "daemon/domain/session_guest_actions.h"

#include "tests/fakes/session_world.h"

namespace workmux::daemon {
namespace {

using test::SessionWorld;

struct Fixture : SessionWorld {
  std::string pane = tmux.server->AddForeignWindow("agent");
  std::string id;
  Fixture() {
    caller.env["TMUX"] = "/fake/tmux,1,0";
    caller.env["TMUX_PANE"] = pane;
    id = MustOpen();
  }
};

TEST_CASE(
    "SessionGuestActions: a guest's status is shown at the pane its session was opened from") {
  Fixture f;
  SessionGuestActions actions(*f.directory, *f.agents);
  REQUIRE_OK(actions.SetGuestStatus(f.id, AgentStatus::kWorking));
  CHECK(f.tmux.server->icons.size() == 1);
  CHECK(f.tmux.server->icons[f.pane] == StatusIcons().working);
  const AgentRecord record = f.agents->All().at(0);
  CHECK(record.session_id == f.id);
  CHECK(record.worktree == f.git.repository().main_worktree);
  CHECK(record.agent_kind == f.directory->Find(f.id)->agent);
}

TEST_CASE("SessionGuestActions: the icons are those of the session's own configuration") {
  SessionWorld w;
  test::WriteFile(w.git.repository().main_worktree / ".workmux.yaml",
                  "status_icons:\n  working: busy\n");
  const std::string pane = w.tmux.server->AddForeignWindow("agent");
  w.caller.env["TMUX"] = "/fake/tmux,1,0";
  w.caller.env["TMUX_PANE"] = pane;
  const std::string id = w.MustOpen();
  SessionGuestActions actions(*w.directory, *w.agents);
  REQUIRE_OK(actions.SetGuestStatus(id, AgentStatus::kWorking));
  CHECK(w.tmux.server->icons[pane] == "busy");
}

TEST_CASE("SessionGuestActions: a guest learns nothing about the host's troubles") {
  Fixture f;
  SessionGuestActions actions(*f.directory, *f.agents);
  f.tmux.server->set_running(false);
  CHECK_OK(actions.SetGuestStatus(f.id, AgentStatus::kDone));
  f.agent_records.put_failure = DataLoss("/secret/path is damaged");
  const absl::Status failed = actions.SetGuestTitle(f.id, "title");
  CHECK_CODE(failed, absl::StatusCode::kInternal);
  CHECK(MessageOf(failed).find("secret") == std::string::npos);
}

TEST_CASE("SessionGuestActions: a session that is gone is refused, one without a pane succeeds") {
  SessionWorld w;
  SessionGuestActions actions(*w.directory, *w.agents);
  CHECK_CODE(actions.SetGuestStatus("nobody", AgentStatus::kWorking),
             absl::StatusCode::kUnauthenticated);
  CHECK_CODE(actions.SetGuestTitle("nobody", "x"), absl::StatusCode::kUnauthenticated);
  const std::string id = w.MustOpen();
  CHECK_OK(actions.SetGuestStatus(id, AgentStatus::kWorking));
  CHECK_OK(actions.SetGuestTitle(id, "x"));
  CHECK(w.agents->All().empty());
}

}  // namespace
}  // namespace workmux::daemon
