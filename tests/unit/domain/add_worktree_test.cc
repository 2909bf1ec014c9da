#include "tests/unit/domain/worktree_world.h"

namespace workmux::daemon {
namespace {

namespace fs = std::filesystem;
using test::Must;
using test::WorktreeWorld;

TEST_CASE("Add: makes branch, worktree, record and window", "[add]") {
  WorktreeWorld world;
  AddRequest request;
  request.branch = "feature/x";
  request.prompt = "-do\r\nit";
  const AddResult result = Must(world.manager.Add(world.Context(), request));
  CHECK(result.worktree.path == world.PathOf("feature-x"));
  CHECK(result.base == "main");
  CHECK(result.switched);
  CHECK(result.agent == "claude");
  CHECK(world.git.Ref("refs/heads/feature/x") == world.git.Ref("refs/heads/main"));
  REQUIRE(world.tmux.windows().size() == 1);
  const auto& window = world.tmux.windows()[0];
  CHECK(window.spec.name == "wm-feature-x");
  CHECK(window.near_pane == "%0");
  CHECK(window.spec.shell == "/bin/bash");
  CHECK(window.spec.panes[0].command == "claude \"$(cat .workmux/PROMPT-feature-x.md)\"");
  CHECK(test::ReadWholeFile(result.worktree.path / ".workmux/PROMPT-feature-x.md") == "-do\r\nit");
  const auto record =
      Must(world.records.Get(world.git.repository().common_dir, result.worktree.path));
  REQUIRE(record);
  CHECK(record->base == "main");
  CHECK(record->token == window.spec.token);
  CHECK(record->created_unix == 1700000000);
  CHECK(Must(world.journal.Unfinished()).empty());
}

TEST_CASE("Add: a failure at any step leaves nothing", "[add]") {
  WorktreeWorld world;
  world.config.config.post_create = {"make"};
  SECTION("git fails after it made the branch") {
    world.git.FailNext("AddWorktree", Internal("disk full"));
  }
  SECTION("the record cannot be written") { world.records.put_failure = Internal("disk full"); }
  SECTION("the hook fails") { world.hooks.code = 3; }
  SECTION("the window fails") { world.tmux.FailNextWindow(Internal("no space for new pane")); }
  SECTION("it is cancelled while the hook runs") {
    world.hooks.on_run = [&] { world.stop.request_stop(); };
  }
  SECTION("a copied file fails") { world.config.config.files_copy = {"../secret"}; }
  const auto added = world.Add("x");
  CHECK_FALSE(added.ok());
  CHECK(world.NothingLeftOf("x"));
  CHECK_FALSE(fs::exists(world.dir / "repo__worktrees"));
}

TEST_CASE("Add: the place is asked for first, and kept until git knows the worktree", "[add]") {
  WorktreeWorld world;
  world.config.config.post_create = {"make"};
  AddRequest request;
  request.branch = "x";
  std::weak_ptr<int> kept;
  fs::path asked;
  bool refuse = true;
  request.reserve_place = [&](const fs::path& place) -> absl::StatusOr<std::shared_ptr<void>> {
    asked = place;
    if (refuse) return FailedPrecondition("a sandbox can write there");
    CHECK_FALSE(world.git.HasWorktree(place));
    const auto reservation = std::make_shared<int>(1);
    kept = reservation;
    return reservation;
  };
  CHECK_CODE(world.manager.Add(world.Context(), request), absl::StatusCode::kFailedPrecondition);
  CHECK(world.NothingLeftOf("x"));
  CHECK(asked == world.PathOf("x"));
  refuse = false;
  bool released = false;
  world.hooks.on_run = [&] {
    released = kept.expired();
    CHECK(world.git.HasWorktree(asked));
  };
  CHECK_OK(world.manager.Add(world.Context(), request).status());
  CHECK(released);
}

TEST_CASE("Add: rollback keeps what someone did meanwhile", "[add]") {
  WorktreeWorld world;
  world.config.config.post_create = {"make"};
  world.hooks.code = 1;
  SECTION("a commit") {
    world.hooks.on_run = [&] { world.git.CommitOn("x", "work"); };
  }
  SECTION("a change") {
    world.hooks.on_run = [&] {
      WorktreeChanges changes;
      changes.unstaged = true;
      changes.count = 1;
      world.git.MakeDirty(world.PathOf("x"), changes);
    };
  }
  SECTION("a state that cannot be read") {
    world.hooks.on_run = [&] { world.git.FailNext("Changes", Internal("corrupt index")); };
  }
  CHECK_FALSE(world.Add("x").ok());
  CHECK(fs::exists(world.PathOf("x")));
  CHECK(world.git.HasWorktree(world.PathOf("x")));
  CHECK_FALSE(world.git.Ref("refs/heads/x").empty());
  REQUIRE_FALSE(world.progress.warnings.empty());
  CHECK(world.progress.warnings.back().find("is kept") != std::string::npos);
}

TEST_CASE("Add: rollback leaves a branch that was there before", "[add]") {
  WorktreeWorld world;
  const std::string tip = world.git.CommitOn("x", "old work");
  world.tmux.FailNextWindow(Internal("no"));
  CHECK_FALSE(world.Add("x").ok());
  CHECK(world.git.Ref("refs/heads/x") == tip);
  CHECK_FALSE(fs::exists(world.PathOf("x")));
}

TEST_CASE("Add: a directory that is there is never touched", "[add]") {
  WorktreeWorld world;
  test::WriteFile(world.PathOf("x") / "notes.txt", "mine");
  const auto added = world.Add("x");
  CHECK(ReasonOf(added.status()) == "PATH_EXISTS");
  CHECK(test::ReadWholeFile(world.PathOf("x") / "notes.txt") == "mine");
  CHECK(world.git.Ref("refs/heads/x").empty());
}

TEST_CASE("Add: an empty directory may be used", "[add]") {
  WorktreeWorld world;
  fs::create_directories(world.PathOf("x"));
  CHECK_OK(world.Add("x"));
}

TEST_CASE("Add: a branch that is checked out is refused with its place", "[add]") {
  WorktreeWorld world;
  REQUIRE_OK(world.Add("x"));
  const absl::Status again = world.Add("x").status();
  CHECK(ReasonOf(again) == "BRANCH_CHECKED_OUT");
  CHECK(MessageOf(again).find(world.PathOf("x").string()) != std::string::npos);
  CHECK(HintOf(again) == "run workmux open x");
  const absl::Status other = world.Add("X").status();
  CHECK(ReasonOf(other) == "WORKTREE_EXISTS");
}

TEST_CASE("Add: the base comes from the flag, the configuration, the caller", "[add]") {
  WorktreeWorld world;
  const std::string dev = world.git.CommitOn("dev", "dev work");
  AddRequest request;
  request.branch = "x";
  SECTION("flag") { request.base = "dev"; }
  SECTION("configuration") { world.config.config.base_branch = "dev"; }
  SECTION("where the caller stands") { world.git.SetBranchOf(world.caller.cwd, "dev"); }
  SECTION("auto") {
    world.config.config.base_branch = "auto";
    world.config.config.main_branch = "dev";
  }
  CHECK(Must(world.manager.Add(world.Context(), request)).base == "dev");
  CHECK(world.git.Ref("refs/heads/x") == dev);
}

TEST_CASE("Add: a detached HEAD needs a base", "[add]") {
  WorktreeWorld world;
  world.git.SetBranchOf(world.caller.cwd, "");
  CHECK(ReasonOf(world.Add("x").status()) == "DETACHED_HEAD");
  AddRequest request;
  request.branch = "x";
  request.base = "main";
  CHECK_OK(world.manager.Add(world.Context(), request));
}

TEST_CASE("Add: a remote's branch becomes a local one", "[add]") {
  WorktreeWorld world;
  const std::string tip = world.git.CommitOn("tmp", "remote work");
  world.git.SetRef("refs/remotes/origin/topic", tip);
  const AddResult result = Must(world.Add("origin/topic"));
  CHECK(result.worktree.branch == "topic");
  CHECK(world.git.Ref("refs/heads/topic") == tip);
  CHECK(world.git.Ref("refs/heads/origin/topic").empty());
}

TEST_CASE("Add: bad names are refused before anything happens", "[add]") {
  WorktreeWorld world;
  for (const std::string& name : {std::string("a b"), std::string("-x"), std::string("a\nb"),
                                  std::string("a..b"), std::string(300, 'a'), std::string()}) {
    INFO(name);
    CHECK_CODE(world.Add(name), absl::StatusCode::kInvalidArgument);
  }
  CHECK(world.tmux.windows().empty());
  CHECK_OK(world.Add("$(touch${IFS}p);x"));
  CHECK(fs::exists(world.PathOf("touch-ifs-p-x")));
}

TEST_CASE("Add: without a tmux server nothing is made", "[add]") {
  WorktreeWorld world;
  world.tmux.set_running(false);
  CHECK(ReasonOf(world.Add("x").status()) == "TMUX_NOT_RUNNING");
  CHECK(world.NothingLeftOf("x"));
}

TEST_CASE("Add: a mistake in the panes is found before anything is made", "[add]") {
  WorktreeWorld world;
  world.config.config.panes = std::vector<PaneConfig>(2);
  CHECK(ReasonOf(world.Add("x").status()) == "BAD_PANES");
  CHECK(world.NothingLeftOf("x"));
}

TEST_CASE("Add: another repository's window keeps its name", "[add]") {
  WorktreeWorld world;
  world.tmux.AddForeignWindow("wm-x");
  REQUIRE_OK(world.Add("x"));
  CHECK(world.tmux.windows().back().spec.name == "wm-x-repo");
}

TEST_CASE("Add: hooks get the caller's environment and know the worktree", "[add]") {
  WorktreeWorld world;
  world.config.config.post_create = {"a", "b"};
  world.caller.env["MINE"] = "1";
  world.caller.env["GIT_DIR"] = "/elsewhere";
  REQUIRE_OK(world.Add("x"));
  REQUIRE(world.hooks.ran.size() == 2);
  const Command& hook = world.hooks.ran[0];
  CHECK(hook.argv == std::vector<std::string>{"bash", "-c", "a"});
  CHECK(hook.cwd == world.PathOf("x"));
  CHECK(hook.env.at("MINE") == "1");
  CHECK_FALSE(hook.env.contains("GIT_DIR"));
  CHECK(hook.env.at("WM_HANDLE") == "x");
  CHECK(hook.env.at("WM_WORKTREE_PATH") == world.PathOf("x").string());
  CHECK(hook.env.at("WM_PROJECT_ROOT") == world.caller.cwd.string());
  CHECK(hook.env.at("WM_CONFIG_DIR") == world.PathOf("x").string());
}

TEST_CASE("Add: an ignored CLAUDE.local.md is linked, a tracked one is not", "[add]") {
  WorktreeWorld world;
  test::WriteFile(world.caller.cwd / "CLAUDE.local.md", "local");
  world.git.set_ignored(false);
  REQUIRE_OK(world.Add("x"));
  CHECK_FALSE(fs::exists(world.PathOf("x") / "CLAUDE.local.md"));
  world.git.set_ignored(true);
  REQUIRE_OK(world.Add("y"));
  CHECK(fs::is_symlink(world.PathOf("y") / "CLAUDE.local.md"));
  CHECK(test::ReadWholeFile(world.PathOf("y") / "CLAUDE.local.md") == "local");
}

}  // namespace
}  // namespace workmux::daemon
