#include "daemon/domain/worktree_resolver.h"

#include <algorithm>

#include "tests/unit/domain/worktree_world.h"

namespace workmux::daemon {
namespace {

using test::Must;
using test::WorktreeWorld;

TEST_CASE("ResolveWorktree: the handle goes before the branch", "[resolve]") {
  std::vector<Worktree> all(3);
  all[0].path = "/r/app";
  all[0].branch = "a";
  all[1].path = "/w/a";
  all[1].branch = "b";
  all[2].path = "/v/app";
  all[2].branch = "feature/c";
  CHECK(Must(ResolveWorktree(all, "a")).path == "/w/a");
  CHECK(Must(ResolveWorktree(all, "feature/c")).path == "/v/app");
  CHECK_CODE(ResolveWorktree(all, "zzz"), absl::StatusCode::kNotFound);
  const absl::Status ambiguous = ResolveWorktree(all, "app").status();
  CHECK(ReasonOf(ambiguous) == "AMBIGUOUS_NAME");
  CHECK(MessageOf(ambiguous).find("/r/app") != std::string::npos);
  CHECK(MessageOf(ambiguous).find("/v/app") != std::string::npos);
}

TEST_CASE("Open: goes to the window that is there, whatever it is called", "[open]") {
  WorktreeWorld world;
  REQUIRE_OK(world.Add("x"));
  const std::string id = world.tmux.windows()[0].id;
  REQUIRE_OK(world.tmux.RenameWindow(id, "mine"));
  OpenRequest request;
  request.name = "x";
  const OpenResult result = Must(world.manager.Open(world.Context(), request));
  CHECK(result.existed);
  CHECK(result.window.window_id == id);
  CHECK(world.tmux.selected() == id);
  request.prompt = "more";
  CHECK(ReasonOf(world.manager.Open(world.Context(), request).status()) == "WINDOW_OPEN");
}

TEST_CASE("Open: makes a window again, and a further one when asked", "[open]") {
  WorktreeWorld world;
  REQUIRE_OK(world.Add("x"));
  REQUIRE_OK(world.manager.Close(world.Context(), {"x", nullptr}));
  CHECK(world.tmux.windows().empty());
  OpenRequest request;
  request.name = "x";
  request.continue_conversation = true;
  CHECK_FALSE(Must(world.manager.Open(world.Context(), request)).existed);
  CHECK(world.tmux.windows()[0].spec.panes[0].command == "claude --continue");
  request.new_window = true;
  CHECK_OK(world.manager.Open(world.Context(), request));
  REQUIRE(world.tmux.windows().size() == 2);
  CHECK(world.tmux.windows()[1].spec.name == "wm-x-2");
  CHECK(world.hooks.ran.empty());
  CHECK(Must(world.manager.Close(world.Context(), {"x", nullptr})).closed == 2);
}

TEST_CASE("Open: a worktree that workmux did not make gets a record", "[open]") {
  WorktreeWorld world;
  REQUIRE_OK(world.git.AddWorktree(world.git.repository(), {world.PathOf("y"), "y", true, "main"}));
  world.git.config()["workmux.worktree.y.window-token"] = std::string(32, 'a');
  OpenRequest request;
  request.name = "y";
  const OpenResult result = Must(world.manager.Open(world.Context(), request));
  CHECK(result.base == "main");
  CHECK(world.tmux.windows()[0].spec.token == std::string(32, 'a'));
}

TEST_CASE("Close: leaves the worktree, and tells when there is no window", "[close]") {
  WorktreeWorld world;
  REQUIRE_OK(world.Add("x"));
  bool stopped = false;
  CHECK_OK(world.manager.Close(world.Context(), {"x", [&](const Worktree& worktree) {
                                                   stopped = worktree.branch == "x";
                                                   return absl::OkStatus();
                                                 }}));
  CHECK(stopped);
  CHECK(world.git.HasWorktree(world.PathOf("x")));
  CHECK(ReasonOf(world.manager.Close(world.Context(), {"x", nullptr}).status()) ==
        "WINDOW_NOT_FOUND");
}

TEST_CASE("List: knows windows and times without asking git", "[list]") {
  WorktreeWorld world;
  REQUIRE_OK(world.Add("x"));
  // Any question to git about content would fail now.
  world.git.FailNext("Changes", Internal("asked"));
  world.git.FailNext("CommitsNotIn", Internal("asked"));
  const ListResult all = Must(world.manager.List(world.Context(), {}));
  REQUIRE(all.entries.size() == 2);
  CHECK(all.entries[0].worktree.is_main);
  CHECK(all.entries[0].is_open == false);
  CHECK(all.entries[1].is_open == true);
  CHECK(all.entries[1].created_unix == 1700000000);
  CHECK_FALSE(all.entries[1].has_uncommitted_changes.has_value());
  CHECK(all.warnings.empty());
  world.with_tmux = false;
  CHECK_FALSE(Must(world.manager.List(world.Context(), {})).entries[1].is_open.has_value());
}

TEST_CASE("List: asks git when told, and names what it could not learn", "[list]") {
  WorktreeWorld world;
  REQUIRE_OK(world.Add("x"));
  world.git.CommitOn("x", "work");
  ListRequest request{true, {"x"}};
  ListResult all = Must(world.manager.List(world.Context(), request));
  REQUIRE(all.entries.size() == 1);
  CHECK(all.entries[0].has_uncommitted_changes == false);
  CHECK(all.entries[0].has_unmerged_commits == true);
  world.git.FailNext("Changes", Internal("corrupt"));
  all = Must(world.manager.List(world.Context(), request));
  CHECK_FALSE(all.entries[0].has_uncommitted_changes.has_value());
  CHECK(all.warnings.size() == 1);
}

TEST_CASE("List: one question to git for the commits of all branches", "[list]") {
  WorktreeWorld world;
  for (const char* branch : {"same", "ahead", "merged", "on-server", "unborn"}) {
    REQUIRE_OK(world.Add(branch));
  }
  world.git.CommitOn("ahead", "work");
  world.git.SetRef("refs/heads/main", world.git.CommitOn("merged", "work"));
  world.git.SetRef("refs/remotes/origin/main", world.git.CommitOn("on-server", "work"));
  world.git.DeleteRef("refs/heads/unborn");
  std::map<std::string, std::optional<bool>> unmerged;
  const auto list = [&] {
    const ListResult listed = Must(world.manager.List(world.Context(), ListRequest{true, {}}));
    for (const ListEntry& entry : listed.entries) {
      unmerged[entry.worktree.handle()] = entry.has_unmerged_commits;
      CHECK(entry.has_uncommitted_changes == false);
    }
    return listed.warnings.size();
  };
  const std::map<std::string, std::optional<bool>> expected = {
      {"repo", std::nullopt}, {"same", false},      {"ahead", true},
      {"merged", false},      {"on-server", false}, {"unborn", false}};
  CHECK(list() == 0);
  CHECK(unmerged == expected);
  CHECK(world.git.reachability_questions == 1);
  // When it fails for all, each is asked alone, and only one stays unknown.
  world.git.FailNext("NotReachable", Internal("bad object"));
  world.git.FailNext("CommitsNotIn", Internal("bad object"));
  CHECK(list() == 1);
  CHECK(std::count_if(unmerged.begin(), unmerged.end(),
                      [](const auto& entry) { return !entry.second; }) == 2);
}

TEST_CASE("Find: by branch, and from inside", "[find]") {
  WorktreeWorld world;
  REQUIRE_OK(world.Add("feature/x"));
  CHECK(Must(world.manager.Find(world.Context(), "feature/x")).worktree.path ==
        world.PathOf("feature-x"));
  world.caller.cwd = world.PathOf("feature-x");
  CHECK(Must(world.manager.Find(world.Context(), "")).worktree.branch == "feature/x");
}

TEST_CASE("WorktreeManager: two operations on one worktree do not meet", "[lock]") {
  WorktreeWorld world;
  REQUIRE_OK(world.Add("x"));
  absl::Status second;
  RemoveRequest request;
  request.name = "x";
  request.before_remove = [&](const Worktree&) {
    MergeRequest merge;
    merge.name = "x";
    second = world.manager.Merge(world.Context(), merge).status();
    return absl::OkStatus();
  };
  CHECK_OK(world.manager.Remove(world.Context(), request));
  CHECK(ReasonOf(second) == "OPERATION_UNDER_WAY");
  CHECK_OK(world.Add("x"));
}

}  // namespace
}  // namespace workmux::daemon
