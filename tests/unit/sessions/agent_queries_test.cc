#include "daemon/domain/agent_queries.h"

#include "daemon/async/thread_pool.h"
#include "tests/fakes/session_world.h"

namespace workmux::daemon {
namespace {

struct Fixture : test::SessionWorld {
  std::string pane = tmux.server->AddForeignWindow("topic");
  std::string foreign = tmux.server->AddForeignWindow("elsewhere");
  std::string base = "refs/heads/main";
  ThreadPool pool{"test", 1, 4};
  AgentQueries queries{*agents, git, pool, [this](const Worktree&) -> absl::StatusOr<BaseBranch> {
                         if (base.empty()) return NotFound("no base");
                         return BaseBranch{.name = "main",
                                           .ref = base,
                                           .id = *git.ResolveRef(git.repository(), base)};
                       }};

  Fixture() {
    const Worktree here = test::Must(git.Locate(git.repository().main_worktree));
    Add(pane, here.path, here.repository.common_dir, "main");
    Add(foreign, "/else/where", "/else/project/.git", "topic");
  }
  void Add(const std::string& at, const std::filesystem::path& worktree,
           const std::filesystem::path& repository, const std::string& branch) {
    REQUIRE_OK(agents->SetStatus(tmux.server->socket(), at, AgentStatus::kWorking, {},
                                 {.workdir = worktree,
                                  .worktree = worktree,
                                  .repository = repository,
                                  .branch = branch,
                                  .agent_kind = "claude",
                                  .session_id = {}}));
  }
  AgentQueries::Listing List(const std::vector<std::string>& targets = {}, bool with_git = false) {
    return test::Must(queries.List(caller, targets, with_git, {}));
  }
};

TEST_CASE("AgentQueries: inside a repository its agents are listed, outside all of them") {
  Fixture f;
  const AgentQueries::Listing inside = f.List();
  REQUIRE(inside.agents.size() == 1);
  CHECK(inside.agents[0].handle == "repo");
  CHECK(inside.agents[0].window_name == "topic");
  CHECK(inside.agents[0].session_name == "s");
  CHECK(inside.total == 2);
  f.caller.cwd = f.dir.path();
  CHECK(f.List().agents.size() == 2);
}

TEST_CASE("AgentQueries: a target is a handle, a branch, or a handle of another project") {
  Fixture f;
  CHECK(f.List({"repo"}).agents.size() == 1);
  CHECK(f.List({"main"}).agents.size() == 1);
  CHECK(f.List({"project:where"}).agents.size() == 1);
  const AgentQueries::Listing none = f.List({"where", "repo"});
  CHECK(none.agents.size() == 1);
  REQUIRE(none.errors.size() == 1);
  CHECK(none.errors[0].target == "where");
  CHECK(none.errors[0].code == "target_resolution_failed");
}

TEST_CASE("AgentQueries: panes that are gone are no longer listed") {
  Fixture f;
  f.tmux.server->set_server_start("1800000000");
  CHECK(f.List().total == 0);
}

TEST_CASE("AgentQueries: what git says of a worktree is told, what it cannot say stays unknown") {
  Fixture f;
  WorktreeChanges changes;
  changes.untracked = true;
  changes.count = 1;
  f.git.MakeDirty(f.git.repository().main_worktree, changes);
  const AgentQueries::AgentView view = f.List({}, true).agents.at(0);
  CHECK(view.has_staged == false);
  CHECK(view.has_unstaged == true);
  CHECK(view.has_unmerged_commits == false);

  f.git.FailNext("Changes", Internal("git failed"));
  f.base = "";
  const AgentQueries::AgentView unknown = f.List({}, true).agents.at(0);
  CHECK_FALSE(unknown.has_staged);
  CHECK_FALSE(unknown.has_unmerged_commits);
}

TEST_CASE("AgentQueries: commits that the base lacks are told, also when git is asked again") {
  Fixture f;
  f.git.SetRef("refs/heads/release", *f.git.ResolveRef(f.git.repository(), "refs/heads/main"));
  f.git.CommitOn("main", "work");
  f.base = "refs/heads/release";
  CHECK(f.List({}, true).agents.at(0).has_unmerged_commits == true);
  CHECK(f.git.reachability_questions == 1);
  f.git.FailNext("NotReachable", Internal("bad object"));
  CHECK(f.List({}, true).agents.at(0).has_unmerged_commits == true);
  f.git.FailNext("NotReachable", Internal("bad object"));
  f.git.FailNext("CommitsNotIn", Internal("bad object"));
  CHECK_FALSE(f.List({}, true).agents.at(0).has_unmerged_commits);
}

}  // namespace
}  // namespace workmux::daemon
