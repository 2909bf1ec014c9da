#include "cli/output/json.h"

#include "tests/support/catch.h"
#include "workmux/control/v1/agent.pb.h"
#include "workmux/control/v1/workspace.pb.h"

namespace workmux::cli {
namespace {

TEST_CASE("WorktreesJson: the documented array, null for what is not known", "[cli]") {
  control::v1::ListWorktreesResponse response;
  CHECK(WorktreesJson(response) == "[]\n");
  auto* entry = response.add_worktrees();
  entry->set_handle("docs");
  entry->set_branch("docs");
  entry->set_path("/src/docs");
  entry->set_mode("window");
  entry->set_is_open(true);
  entry->set_created_unix_seconds(1790000000);
  CHECK(WorktreesJson(response) ==
        R"([{"handle":"docs","branch":"docs","path":"/src/docs","is_main":false,"mode":"window",)"
        R"("has_uncommitted_changes":null,"is_open":true,"created_at":1790000000}])"
        "\n");
}

TEST_CASE("WorktreesJson: bytes that are not UTF-8 are replaced", "[cli]") {
  control::v1::ListWorktreesResponse response;
  response.add_worktrees()->set_path("/a\xff");
  CHECK(WorktreesJson(response).find("/a\xef\xbf\xbd") != std::string::npos);
}

TEST_CASE("AgentsJson: the documented object", "[cli]") {
  control::v1::ListAgentsResponse response;
  response.set_backend("tmux");
  response.set_instance("/tmp/tmux-1000/default");
  response.set_repository("/src/app");
  response.set_records_total(3);
  response.set_records_matching_context(2);
  auto* agent = response.add_agents();
  agent->set_worktree("docs");
  agent->set_branch("docs");
  agent->set_status(control::v1::AGENT_STATUS_DONE);
  agent->set_status_unix_seconds(1000);
  agent->set_pane_id("%42");
  agent->set_workdir("/src/docs");
  agent->set_agent_kind("claude");
  agent->set_session("main");
  agent->set_window_name("wm-docs");
  agent->set_updated_unix_seconds(1012);
  agent->set_has_unstaged(true);
  auto* error = response.add_target_errors();
  error->set_target("nope");
  error->set_code("target_resolution_failed");
  error->set_message("no such worktree");
  CHECK(
      AgentsJson(response, {"docs", "nope"}, true, 1075) ==
      R"({"context":{"backend":"tmux","instance":"/tmp/tmux-1000/default"},)"
      R"("scope":{"repository":"/src/app","targets":["docs","nope"]},)"
      R"("state_files_total":3,"state_files_invalid":0,"state_files_invalid_unattributed":0,)"
      R"("state_files_invalid_matching_context":0,"state_files_matching_context":2,)"
      R"("reconciled_agent_count":1,"agents":[{"worktree":"docs","branch":"docs","status":"done",)"
      R"("elapsed_secs":75,"title":null,"pane_id":"%42","workdir":"/src/docs","agent_kind":"claude",)"
      R"("session":"main","window_name":"wm-docs","updated_ts":1012,)"
      R"("git":{"has_staged":null,"has_unstaged":true,"has_unmerged_commits":null}}],)"
      R"("target_errors":[{"target":"nope","code":"target_resolution_failed",)"
      R"("message":"no such worktree"}]})"
      "\n");
}

}  // namespace
}  // namespace workmux::cli
