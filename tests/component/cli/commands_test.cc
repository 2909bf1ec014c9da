#include <csignal>
#include <cstdio>

#include "common/base/status.h"
#include "common/process/posix_command_runner.h"
#include "tests/component/cli/cli_fixture.h"
#include "tests/support/wait_until.h"

namespace workmux::test {
namespace {

control::WorkspaceEvent ResultEvent(const std::string& handle) {
  control::WorkspaceEvent event;
  event.mutable_result()->set_handle(handle);
  event.mutable_result()->set_branch(handle);
  event.mutable_result()->set_path("/src/" + handle);
  return event;
}

TEST_CASE("add: a prompt file travels byte for byte with flags and environment", "[cli]") {
  CliFixture f;
  f.daemon.events = {ResultEvent("docs")};
  std::string prompt("line\r\n\0\xff", 8);
  prompt.resize(5u << 20, 'x');
  WriteFile(f.dir / "task.md", prompt);
  auto options = f.With({"add", "docs", "--base", "main", "-P", "task.md", "-S", "-b", "-H"});
  options.env["MARKER"] = "here";
  CliProcess cli(options);
  CHECK(cli.Wait() == 0);
  CHECK(cli.out().find("created worktree docs") == 0);
  REQUIRE(f.daemon.added().size() == 1);
  const auto request = f.daemon.added()[0];
  CHECK(request.prompt() == prompt);
  CHECK(request.branch() == "docs");
  CHECK(request.base() == "main");
  CHECK(request.sandbox());
  CHECK(request.background());
  CHECK(request.no_hooks());
  CHECK_FALSE(request.no_file_ops());
  CHECK(request.context().env().at("MARKER") == "here");
  CHECK(request.context().cwd() == f.dir.path().string());
  CHECK_FALSE(request.context().interactive());
}

TEST_CASE("add: the editor writes the prompt and an empty one is refused", "[cli]") {
  CliFixture f;
  f.daemon.events = {ResultEvent("docs")};
  WriteFile(f.dir / "edit", "printf 'do it' >\"$2\"; echo \"$1\" >flag");
  auto options = f.With({"add", "docs", "-e"});
  options.env["EDITOR"] = "sh " + (f.dir / "edit").string() + " --wait";
  CHECK(CliProcess(options).Wait() == 0);
  REQUIRE(f.daemon.added().size() == 1);
  CHECK(f.daemon.added()[0].prompt() == "do it");
  CHECK(ReadWholeFile(f.dir / "flag") == "--wait\n");
  options.env["EDITOR"] = "true";
  CHECK(CliProcess(options).Wait() == 2);
  CHECK(f.daemon.added().size() == 1);
}

TEST_CASE("add: an error shows message and hint, without its escapes", "[cli]") {
  CliFixture f;
  f.daemon.workspace_status = WithHint(AlreadyExists("worktree \x1b]0;x\x07 exists"), "open it");
  CliProcess cli(f.With({"add", "docs"}));
  CHECK(cli.Wait() == 1);
  CHECK(cli.err() == "workmux: worktree ?]0;x? exists\nhint: open it\n");
  CHECK(cli.out().empty());
}

TEST_CASE("add: SIGINT cancels the call and gives 130", "[cli]") {
  CliFixture f;
  f.daemon.hang_until_cancelled = true;
  CliProcess cli(f.With({"add", "docs"}));
  REQUIRE(WaitUntil([&] { return !f.daemon.added().empty(); }));
  cli.Signal(SIGINT);
  CHECK(cli.Wait() == 130);
  CHECK(cli.err() == "workmux: interrupted\n");
}

TEST_CASE("add: a changed configuration is shown, asked about, and the call repeated", "[cli]") {
  CliFixture f;
  f.daemon.events = {ResultEvent("docs")};
  f.daemon.needs_trust = true;
  f.daemon.review.set_needs_trust(true);
  f.daemon.review.set_file("/src/.workmux.yaml");
  f.daemon.review.set_content("post_create: [evil]\n");
  f.daemon.review.set_sha256("abc");
  SECTION("agreed") {
    CliProcess cli(f.With({"add", "docs", "-b"}, /*tty=*/true));
    REQUIRE(WaitUntil([&] { return cli.out().find("[y/N]") != std::string::npos; }));
    CHECK(cli.out().find("post_create: [evil]") != std::string::npos);
    cli.Type("y\n");
    CHECK(cli.Wait() == 0);
    CHECK(f.daemon.trusted_sha256() == "abc");
    CHECK(f.daemon.added().size() == 2);
  }
  SECTION("refused") {
    CliProcess cli(f.With({"add", "docs", "-b"}, /*tty=*/true));
    REQUIRE(WaitUntil([&] { return cli.out().find("[y/N]") != std::string::npos; }));
    cli.Type("n\n");
    CHECK(cli.Wait() == 1);
    CHECK(f.daemon.trusted_sha256().empty());
  }
  SECTION("nobody to ask") {
    CliProcess cli(f.With({"add", "docs", "-b"}));
    CHECK(cli.Wait() == 1);
    CHECK(cli.err().find("hint: run `workmux trust`") != std::string::npos);
    CHECK(f.daemon.trusted_sha256().empty());
  }
}

TEST_CASE("add: outside tmux a server is started and the way to the window shown", "[cli]") {
  if (!FindProgram("tmux", CurrentEnv()).ok()) {
    std::puts("SKIPPED: no tmux");
    return;
  }
  CliFixture f;
  const std::string tmux = (f.dir / "tmux.sock").string();
  f.daemon.events = {ResultEvent("docs")};
  f.daemon.events[0].mutable_result()->set_session("$0");
  f.daemon.events[0].mutable_result()->set_window("@0");
  f.daemon.on_workspace_stream = [&] {
    f.daemon.workspace_status = std::filesystem::exists(tmux)
                                    ? absl::OkStatus()
                                    : WithReason(FailedPrecondition("no tmux"), "TMUX_NOT_RUNNING");
  };
  auto options = f.With({"add", "docs"});
  options.env["WORKMUX_TMUX_SOCKET"] = tmux;
  SECTION("outside") {
    CliProcess cli(options);
    CHECK(cli.Wait() == 0);
    CHECK(f.daemon.added().size() == 2);
    CHECK(cli.out().find("tmux -S " + tmux + " attach-session -t '$0:@0'") != std::string::npos);
    PosixCommandRunner runner;
    Command kill;
    kill.argv = {"tmux", "-S", tmux, "kill-server"};
    kill.env = CurrentEnv();
    const auto killed = runner.Run(kill, {});
    CHECK((killed.ok() && killed->exit.ok()));
  }
  SECTION("inside, where another server than the caller's would be of no use") {
    options.env["TMUX"] = "/gone,1,0";
    CHECK(CliProcess(options).Wait() == 1);
    CHECK(f.daemon.added().size() == 1);
    CHECK_FALSE(std::filesystem::exists(tmux));
  }
}

TEST_CASE("add: prompts that look like something else arrive as they are", "[cli]") {
  CliFixture f;
  f.daemon.events = {ResultEvent("docs")};
  for (const char* prompt : {"[a,b]", "-x", "--help", "--"}) {
    CHECK(CliProcess(f.With({"add", "docs", "-p", prompt})).Wait() == 0);
    CHECK(f.daemon.added().back().prompt() == prompt);
  }
  CHECK(CliProcess(f.With({"add", "docs", "-p", ""})).Wait() == 2);
}

TEST_CASE("remove: only what was shown may be discarded", "[cli]") {
  CliFixture f;
  f.daemon.events = {ResultEvent("docs")};
  auto* candidate = f.daemon.inspection.add_candidates();
  candidate->set_handle("docs");
  candidate->set_base("main");
  candidate->set_unmerged_count(1);
  candidate->add_unmerged_commits("abc1234 Write docs");
  SECTION("without a terminal") {
    CliProcess cli(f.With({"rm", "docs"}));
    CHECK(cli.Wait() == 2);
    CHECK(cli.err().find("abc1234 Write docs") != std::string::npos);
    CHECK(cli.err().find("--force") != std::string::npos);
    CHECK(f.daemon.removed().empty());
  }
  SECTION("agreed on a terminal") {
    CliProcess cli(f.With({"rm", "docs"}, /*tty=*/true));
    REQUIRE(WaitUntil([&] { return cli.out().find("[y/N]") != std::string::npos; }));
    cli.Type("y\n");
    CHECK(cli.Wait() == 0);
    REQUIRE(f.daemon.removed().size() == 1);
    CHECK(f.daemon.removed()[0].discard_unmerged());
    CHECK_FALSE(f.daemon.removed()[0].discard_uncommitted());
    CHECK_FALSE(f.daemon.removed()[0].force());
  }
  SECTION("a kept branch loses no commits") {
    CHECK(CliProcess(f.With({"rm", "-k", "docs"})).Wait() == 0);
    REQUIRE(f.daemon.removed().size() == 1);
    CHECK(f.daemon.removed()[0].keep_branch());
    CHECK_FALSE(f.daemon.removed()[0].discard_unmerged());
  }
  SECTION("a check that failed needs --force") {
    candidate->set_unknown("git status failed");
    CliProcess cli(f.With({"rm", "-k", "docs"}));
    CHECK(cli.Wait() == 1);
    CHECK(f.daemon.removed().empty());
    CHECK(CliProcess(f.With({"rm", "-f", "docs"})).Wait() == 0);
    REQUIRE(f.daemon.removed().size() == 1);
    CHECK(f.daemon.removed()[0].force());
  }
}

TEST_CASE("set-window-status: tells the pane and nothing of the rest of the environment", "[cli]") {
  CliFixture f;
  auto options = f.With({"set-window-status", "waiting"});
  CHECK(CliProcess(options).Wait() == 0);
  CHECK(f.daemon.statuses().empty());
  options.env["TMUX_PANE"] = "%7";
  options.env["API_KEY"] = "secret";
  CHECK(CliProcess(options).Wait() == 0);
  REQUIRE(f.daemon.statuses().size() == 1);
  const auto request = f.daemon.statuses()[0];
  CHECK(request.status() == control::AGENT_STATUS_WAITING);
  CHECK(request.context().env().at("TMUX_PANE") == "%7");
  CHECK(request.context().env().count("API_KEY") == 0);
  CHECK(f.daemon.client_api_major() == "1");
  options.env["WORKMUX_DISABLE_SET_WINDOW_STATUS"] = "1";
  CHECK(CliProcess(options).Wait() == 0);
  CHECK(f.daemon.statuses().size() == 1);
  options.arguments = {"set-window-status", "sleeping"};
  CHECK(CliProcess(options).Wait() == 2);
}

TEST_CASE("status: a target that was not found exits 1 with the full JSON", "[cli]") {
  CliFixture f;
  f.daemon.agents.add_agents()->set_worktree("docs");
  auto* error = f.daemon.agents.add_target_errors();
  error->set_target("nope");
  error->set_message("no such worktree");
  CliProcess cli(f.With({"status", "docs", "nope", "--json"}));
  CHECK(cli.Wait() == 1);
  CHECK(cli.out().find(R"("worktree":"docs")") != std::string::npos);
  CHECK(cli.err() == "workmux: nope: no such worktree\n");
}

TEST_CASE("an old daemon: an unknown call names the restart", "[cli]") {
  CliFixture f;
  CliProcess cli(f.With({"doctor"}));
  CHECK(cli.Wait() == 1);
  CHECK(cli.err().find("hint: run `workmux daemon restart`") != std::string::npos);
}

TEST_CASE("usage: mistakes exit 2 and an unknown command finds its neighbour", "[cli]") {
  CliFixture f;
  CliProcess cli(f.With({"lsit"}));
  CHECK(cli.Wait() == 2);
  CHECK(cli.err() == "workmux: lsit: no such command\nhint: did you mean `list`?\n");
  CHECK(CliProcess(f.With({"add"})).Wait() == 2);
  CHECK(CliProcess(f.With({"merge", "--squash", "--rebase"})).Wait() == 2);
  CHECK(CliProcess(f.With({"--help"})).Wait() == 0);
}

}  // namespace
}  // namespace workmux::test
