#include <ctime>
#include <filesystem>

#include <nlohmann/json.hpp>

#include "common/base/strings.h"
#include "tests/e2e/worktrees/flows.h"
#include "tests/support/catch.h"
#include "tests/support/wait_until.h"

namespace workmux::test {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

WorkmuxWorld::Where At(const fs::path& cwd) { return {.cwd = cwd, .env = {}, .input = {}}; }

}  // namespace

TEST_CASE("list: the table, its columns and a filter", "[worktrees]") {
  if (!HaveTmux()) return;
  Flows f;
  f.world.Must({"add", "one", "-b"});
  f.world.Must({"add", "two", "-b"});
  f.world.git().Commit("new", "", "new", f.Path("two"));
  f.world.Must({"close", "two"});
  const std::vector<std::string> lines = SplitLines(f.world.Must({"list"}));
  REQUIRE(lines.size() == 4);
  CHECK(lines[0].find("BRANCH  AGE") == 0);
  CHECK(lines[0].find("AGENT  MUX  UNMERGED  PATH") != std::string::npos);
  CHECK(lines[1].find("main") == 0);
  CHECK(lines[2].find("one") == 0);
  CHECK(lines[2].find("✓") != std::string::npos);
  CHECK(lines[2].find("●") == std::string::npos);
  CHECK(lines[2].ends_with("../repo__worktrees/one"));
  CHECK(lines[3].find("●") != std::string::npos);
  CHECK(lines[3].find("✓") == std::string::npos);
  CHECK(SplitLines(f.world.Must({"ls", "two"})).size() == 2);
  CHECK(SplitLines(f.world.Must({"list", "nope"})).size() == 1);
}

TEST_CASE("list: --json is the array that scripts know", "[worktrees]") {
  if (!HaveTmux()) return;
  Flows f;
  f.world.Must({"add", "fix/a", "-b"});
  WriteFile(f.Path("fix-a/untracked"), "");
  const Json listed = Json::parse(f.world.Must({"list", "--json", "--git"}));
  REQUIRE(listed.size() == 2);
  CHECK(listed[0]["is_main"] == true);
  CHECK(listed[0]["handle"] == "repo");
  const Json& entry = listed[1];
  CHECK(entry["handle"] == "fix-a");
  CHECK(entry["branch"] == "fix/a");
  CHECK(entry["path"] == f.Path("fix-a").string());
  CHECK(entry["is_main"] == false);
  CHECK(entry["mode"] == "window");
  CHECK(entry["has_uncommitted_changes"] == true);
  CHECK(entry["is_open"] == true);
  const auto created = entry["created_at"].get<std::int64_t>();
  CHECK(std::abs(created - std::time(nullptr)) < 300);
}

TEST_CASE("status: --json names every agent and every target that is unknown", "[worktrees]") {
  if (!HaveTmux()) return;
  Flows f("panes: [{}]\n");
  f.world.Must({"add", "topic", "-b"});
  const std::string pane = f.world.PaneOfWindow("wm-topic");
  CHECK(f.world.Must({"status"}) == "no agents");
  f.world.Must({"set-window-status", "waiting"},
               {.cwd = f.Path("topic"), .env = f.Inside(pane), .input = {}});
  WriteFile(f.Path("topic/file.txt"), "edited\n");
  const CommandResult result = f.world.Run({"status", "topic", "nope", "--json", "--git"});
  CHECK(result.exit.code == 1);
  const Json status = Json::parse(result.out);
  CHECK(status["context"]["backend"] == "tmux");
  CHECK(status["context"]["instance"] == f.world.tmux_socket().string());
  CHECK(status["scope"]["targets"] == Json({"topic", "nope"}));
  REQUIRE(status["agents"].size() == 1);
  const Json& agent = status["agents"][0];
  CHECK(agent["worktree"] == "topic");
  CHECK(agent["branch"] == "topic");
  CHECK(agent["status"] == "waiting");
  CHECK(agent["pane_id"] == pane);
  CHECK(agent["workdir"] == f.Path("topic").string());
  CHECK(agent["session"] == "main");
  CHECK(agent["window_name"] == "wm-topic");
  CHECK(agent["elapsed_secs"].is_number());
  CHECK(agent["updated_ts"].is_number());
  CHECK(agent.contains("title"));
  CHECK(agent.contains("agent_kind"));
  CHECK(agent["git"] ==
        Json({{"has_staged", false}, {"has_unstaged", true}, {"has_unmerged_commits", false}}));
  CHECK(status["reconciled_agent_count"] == 1);
  CHECK(status["state_files_invalid"] == 0);
  REQUIRE(status["target_errors"].size() == 1);
  CHECK(status["target_errors"][0]["target"] == "nope");
  CHECK(status["target_errors"][0]["code"] == "target_resolution_failed");
  CHECK(f.world.Must({"status"}).find("topic     waiting") != std::string::npos);

  f.world.Must({"close", "topic"});
  CHECK(WaitUntil([&] { return f.world.Must({"status"}) == "no agents"; }));
}

TEST_CASE("open: switches, makes another window, and brings back a closed one", "[worktrees]") {
  if (!HaveTmux()) return;
  Flows f;
  f.world.Must({"add", "topic", "-b"});
  CHECK(f.world.Must({"open", "topic", "-b"}).find("switched to topic") == 0);
  f.world.Must({"open", "topic", "-b", "--new"});
  CHECK(f.Windows() == "bash\nwm-topic\nwm-topic-2");
  CHECK(Refusal(f.world.Run({"open", "topic", "-p", "x"}), 1, "open already") == "");
  f.world.Must({"close"}, At(f.Path("topic")));
  CHECK(f.Windows() == "bash");
  CHECK(Refusal(f.world.Run({"close", "topic"}), 1, "no open window") == "");
  fs::remove(f.world.home() / "agent-topic");
  CHECK(f.world.Must({"open", "topic", "-b", "-p", "again"}).find("opened topic") == 0);
  CHECK(f.AgentArguments("topic") == "--\nagain\n");
  CHECK(Refusal(f.world.Run({"open"}), 2, "name") == "");
  CHECK(Refusal(f.world.Run({"open", "nope"}), 1, "no worktree") == "");
  const CommandResult several = f.world.Run({"open", "nope", "topic"});
  CHECK(several.exit.code == 1);
  CHECK(several.out.find("topic") != std::string::npos);
}

TEST_CASE("open: -c continues, hooks and files only on request", "[worktrees]") {
  if (!HaveTmux()) return;
  Flows f;
  f.world.SetProjectConfig(
      "agent: claude\npost_create: ['echo x >>\"$HOME/hooks\"']\nfiles: {copy: [extra]}\n");
  WriteFile(f.world.repo() / ".git/info/exclude", "extra\n");
  WriteFile(f.world.repo() / "extra", "1");
  f.world.Must({"add", "topic", "-b"});
  f.world.Must({"close", "topic"});
  fs::remove(f.world.home() / "agent-topic");
  fs::remove(f.Path("topic/extra"));
  f.world.Must({"open", "topic", "-b", "-c"});
  CHECK(f.AgentArguments("topic") == "--continue\n");
  CHECK(ReadWholeFile(f.world.home() / "hooks") == "x\n");
  CHECK_FALSE(fs::exists(f.Path("topic/extra")));
  f.world.Must({"close", "topic"});
  f.world.Must({"open", "topic", "-b", "--run-hooks", "--force-files"});
  CHECK(ReadWholeFile(f.world.home() / "hooks") == "x\nx\n");
  CHECK(fs::exists(f.Path("topic/extra")));
}

TEST_CASE("open: a worktree that git made, and many at once", "[worktrees]") {
  if (!HaveTmux()) return;
  Flows f;
  f.Git({"worktree", "add", "--quiet", "-b", "byhand", f.Path("byhand").string()});
  f.world.Must({"add", "topic", "-b"});
  f.world.Must({"close", "topic"});
  f.world.Must({"open", "byhand", "topic", "-b"});
  CHECK(f.Windows() == "bash\nwm-byhand\nwm-topic");
  f.world.Must({"remove", "byhand"});
  CHECK(f.Windows() == "bash\nwm-topic");
}

}  // namespace workmux::test
