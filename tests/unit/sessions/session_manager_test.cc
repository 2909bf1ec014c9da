#include "daemon/domain/session_manager.h"

#include <algorithm>
#include <optional>
#include <thread>

#include "tests/fakes/session_world.h"
#include "tests/support/wait_until.h"

namespace workmux::daemon {
namespace {

using test::SessionWorld;

TEST_CASE("SessionManager: an opened session is on record before anything can go wrong with it") {
  SessionWorld w;
  w.caller.env["TMUX"] = "/fake/tmux,1,0";
  w.caller.env["TMUX_PANE"] = "%7";
  const auto opened = test::Must(w.Open());
  const SessionRecord record = w.session_records.sessions.at(opened.session_id);
  CHECK(opened.backend == "docker");
  CHECK(opened.plan.argv == std::vector<std::string>{"enter", record.sandbox});
  CHECK(record.worktree.path == w.git.repository().main_worktree);
  CHECK(record.client.pid == ::getpid());
  CHECK_FALSE(record.client.start_time.empty());
  REQUIRE(record.pane);
  CHECK(record.pane->pane_id == "%7");
  CHECK(record.pane->server_start == "1700000000");
  CHECK(record.bridge_port == 4711);
  CHECK(record.bridge_address == "172.17.0.1");
  CHECK(w.bridge.open.at(opened.session_id).first.Matches(record.token.Reveal()));
  CHECK(w.directory->Find(opened.session_id));
  CHECK(w.container.prepared.session_id == opened.session_id);
  CHECK(w.container.prepared.instance == "mine");
  CHECK(w.boundary.watched.size() == 1);
  CHECK(w.trust.sandboxed.contains(w.git.repository().common_dir));
  CHECK_FALSE(w.NothingLeft());
}

TEST_CASE("SessionManager: a session opens although tmux does not answer") {
  SessionWorld w;
  w.caller.env["TMUX"] = "/fake/tmux,1,0";
  w.caller.env["TMUX_PANE"] = "%7";
  w.tmux.server->set_running(false);
  const SessionRecord record = w.session_records.sessions.at(w.MustOpen());
  REQUIRE(record.pane);
  CHECK(record.pane->server_start.empty());
}

TEST_CASE("SessionManager: whichever step of Open fails, nothing is left of the session") {
  SessionWorld w;
  const std::string step = GENERATE("clone", "watch", "bridge", "open", "prepare", "plan");
  INFO(step);
  w.log.failures[step] = ResourceExhausted("{} failed", step);
  CHECK_CODE(w.Open(), absl::StatusCode::kResourceExhausted);
  CHECK(w.log.Count(step) == 1);
  CHECK(w.NothingLeft());
  // The next one opens, so nothing is locked or taken either.
  w.log.failures.clear();
  CHECK_OK(w.Open());
}

TEST_CASE("SessionManager: the agent's settings are the sandbox's, watched for as long as it is") {
  SessionWorld w;
  const std::string id = w.MustOpen();
  REQUIRE(w.agent_configs.prepared.has_value());
  CHECK(w.agent_configs.prepared->profile == "claude");
  const auto& mounts = w.container.prepared.mounts;
  CHECK(std::find(mounts.begin(), mounts.end(), Mount{"/private.agent", "/tmp/.claude", true}) !=
        mounts.end());
  CHECK(w.agent_configs.watches() == 1);
  w.manager->BeginShutdown();
  w.Restart();
  REQUIRE_OK(w.manager->Restore());
  CHECK(w.agent_configs.watches() == 1);
  w.manager->LeaseLost(id);
  CHECK(w.agent_configs.watches() == 0);
}

TEST_CASE("SessionManager: without the agent's settings there is no sandbox") {
  SessionWorld w;
  w.agent_configs.failure = ResourceExhausted("the disk is full");
  CHECK_CODE(w.Open(), absl::StatusCode::kResourceExhausted);
  CHECK(w.log.Count("prepare") == 0);
}

TEST_CASE("SessionManager: a missing official image is pulled, then the sandbox is made") {
  SessionWorld w;
  w.container.store = &w.image_store;
  const std::string image = "ghcr.io/raine/workmux-sandbox:claude";
  w.image_store.SetRegistry(image, "sha256:1");
  REQUIRE_OK(w.Open());
  CHECK(w.image_store.pulls() == 1);
  CHECK(w.log.Count("prepare") == 1);
  CHECK(w.progress.steps.back() == "pull");
  // With the image there, nothing is pulled and nothing asked.
  REQUIRE_OK(w.Open());
  CHECK(w.image_store.pulls() == 1);
}

TEST_CASE("SessionManager: nothing is left of a session whose image does not come") {
  SessionWorld w;
  w.container.store = &w.image_store;
  SECTION("the registry has none") { CHECK(ReasonOf(w.Open().status()) == "IMAGE_UNKNOWN"); }
  SECTION("interrupted while it is pulled") {
    w.image_store.Hold(true);
    std::stop_source stop;
    std::jthread interrupter([&] {
      test::WaitUntil([&] { return w.image_store.pulls() == 1; });
      stop.request_stop();
    });
    CHECK_CODE(w.Open(stop.get_token()), absl::StatusCode::kCancelled);
    interrupter.join();
    CHECK(w.image_store.stopped_pulls() == 1);
  }
  SECTION("the image is the user's own") {
    test::WriteFile(w.dir / "home/.config/workmux/config.yaml", "sandbox:\n  image: mine:1\n");
    CHECK(ReasonOf(w.Open().status()) == "IMAGE_NOT_FOUND");
    CHECK(w.image_store.pulls() == 0);
  }
  CHECK(w.NothingLeft());
}

TEST_CASE("SessionManager: when a record cannot be written nothing is left of the session") {
  SessionWorld w;
  SECTION("of the session") { w.session_records.put_failure = DataLoss("the disk is full"); }
  SECTION("of the trust") { w.trust.approve_failure = DataLoss("the disk is full"); }
  CHECK_CODE(w.Open(), absl::StatusCode::kDataLoss);
  CHECK(w.log.Count("prepare") == 0);
  CHECK(w.NothingLeft());
}

TEST_CASE("SessionManager: a failed Open is undone in reverse") {
  SessionWorld w;
  w.log.failures["plan"] = Internal("no plan");
  CHECK_CODE(w.Open(), absl::StatusCode::kInternal);
  std::vector<std::string> words;
  for (const std::string& call : w.log.calls()) words.push_back(call.substr(0, call.find(' ')));
  CHECK(words == std::vector<std::string>{"clone", "watch", "bridge", "open", "prepare", "plan",
                                          "release", "close", "unwatch"});
}

TEST_CASE("SessionManager: a client that goes while its sandbox is made leaves nothing") {
  SessionWorld w;
  std::stop_source stop;
  stop.request_stop();
  CHECK_CODE(w.Open(stop.get_token()), absl::StatusCode::kCancelled);
  CHECK(w.NothingLeft());
}

TEST_CASE("SessionManager: one client leases a session, a second one is refused") {
  SessionWorld w;
  const std::string id = w.MustOpen();
  CHECK_FALSE(w.manager->IsLeased(id));
  REQUIRE_OK(w.manager->Lease(id, [](const absl::Status&) {}));
  CHECK(w.manager->IsLeased(id));
  const absl::Status second = w.manager->Lease(id, [](const absl::Status&) {});
  CHECK_CODE(second, absl::StatusCode::kAborted);
  CHECK(ReasonOf(second) == "SESSION_LEASED");
  CHECK(ReasonOf(w.manager->Lease("nobody", [](const absl::Status&) {})) == "SESSION_NOT_FOUND");
}

TEST_CASE("SessionManager: a lost lease ends the sandbox and takes its branch") {
  SessionWorld w;
  const std::string id = w.MustOpen();
  std::optional<absl::Status> why;
  REQUIRE_OK(w.manager->Lease(id, [&](const absl::Status& status) { why = status; }));
  w.log.Clear();
  w.manager->LeaseLost(id);
  CHECK(w.NothingLeft());
  CHECK(w.log.Count("release") == 1);
  CHECK(w.log.Count("import") == 1);
  CHECK_FALSE(why);  // nobody is left to be told
  // The token goes before what runs inside is ended.
  CHECK(w.log.calls().front() == "close " + id);
  w.manager->LeaseLost(id);
  CHECK(w.log.Count("release") == 1);
}

TEST_CASE("SessionManager: when the daemon stops the client is told and its sandbox stays") {
  SessionWorld w;
  const std::string id = w.MustOpen();
  std::vector<absl::Status> told;
  REQUIRE_OK(w.manager->Lease(id, [&](const absl::Status& status) { told.push_back(status); }));
  w.manager->BeginShutdown();
  w.manager->LeaseLost(id);
  REQUIRE(told.size() == 1);
  CHECK_CODE(told.front(), absl::StatusCode::kUnavailable);
  CHECK(w.log.Count("release") == 0);
  CHECK(w.session_records.sessions.contains(id));
}

TEST_CASE(
    "SessionManager: after a restart the same address and token are served and the lease resumes") {
  SessionWorld w;
  const std::string id = w.MustOpen();
  const SessionRecord before = w.session_records.sessions.at(id);
  w.manager->BeginShutdown();
  w.Restart();
  REQUIRE_OK(w.manager->Restore());
  const auto& [token, endpoints] = w.bridge.open.at(id);
  CHECK(token.Matches(before.token.Reveal()));
  CHECK(endpoints.tcp_port == before.bridge_port);
  CHECK(endpoints.tcp_address == before.bridge_address);
  CHECK(endpoints.socket_dir == before.bridge_dir);
  CHECK(w.boundary.watched.size() == 1);
  REQUIRE_OK(w.manager->Lease(id, [](const absl::Status&) {}));
  w.executor.RunAll();
  CHECK(w.log.Count("import") == 1);  // what the sandbox committed meanwhile
  CHECK(w.log.Count("release") == 0);
  w.manager->LeaseLost(id);
  CHECK(w.NothingLeft());
}

TEST_CASE(
    "SessionManager: a command's exit is told as the backend confirms it, and the sandbox goes") {
  SessionWorld w;
  const std::string id = w.MustOpen();
  std::vector<absl::Status> told;
  REQUIRE_OK(w.manager->Lease(id, [&](const absl::Status& status) { told.push_back(status); }));
  SECTION("an ordinary end") {
    const SandboxExit exit = test::Must(w.manager->Close(id, {.code = 3, .signal = 0}));
    CHECK(exit.code == 3);
    CHECK(exit.start_failure.empty());
  }
  SECTION("a signal, as a shell reports it") {
    CHECK(test::Must(w.manager->Close(id, {.code = 0, .signal = 15})).code == 143);
  }
  SECTION("a command that never ran") {
    w.container.start_failure = "no such program";
    const SandboxExit exit = test::Must(w.manager->Close(id, {.code = 127, .signal = 0}));
    CHECK(exit.start_failure == "no such program");
  }
  SECTION("an engine that does not answer") {
    w.log.failures["confirm"] = Unavailable("the engine is away");
    CHECK(test::Must(w.manager->Close(id, {.code = 5, .signal = 0})).code == 5);
  }
  // The branch is there when the client hears of the end; removing can wait.
  CHECK(w.log.Count("import") >= 1);
  w.executor.RunAll();
  CHECK(w.NothingLeft());
  REQUIRE(told.size() == 1);
  CHECK_OK(told.front());
}

TEST_CASE(
    "SessionManager: stopping a sandbox ends its processes and leaves the rest to its client") {
  SessionWorld w;
  const std::string id = w.MustOpen();
  REQUIRE_OK(w.manager->StopSandbox(id));
  CHECK(w.log.Count("stop") == 1);
  CHECK(w.session_records.sessions.contains(id));
  CHECK(ReasonOf(w.manager->StopSandbox("nobody")) == "SESSION_NOT_FOUND");
}

TEST_CASE("SessionManager: ending everything tells each client that the daemon did it") {
  SessionWorld w;
  const std::string first = w.MustOpen();
  const std::string second = w.MustOpen();
  std::vector<absl::Status> told;
  for (const std::string& id : {first, second}) {
    REQUIRE_OK(w.manager->Lease(id, [&](const absl::Status& status) { told.push_back(status); }));
  }
  w.manager->EndAll();
  REQUIRE(told.size() == 2);
  CHECK_CODE(told.front(), absl::StatusCode::kCancelled);
  CHECK(w.NothingLeft());
}

TEST_CASE(
    "SessionManager: before a worktree is removed its sandboxes end and its branch is taken") {
  SessionWorld w;
  const std::string id = w.MustOpen();
  const Worktree worktree = w.session_records.sessions.at(id).worktree;
  Worktree other = worktree;
  other.path = "/elsewhere";
  REQUIRE_OK(w.manager->EndWorktree(other));
  CHECK(w.session_records.sessions.contains(id));
  REQUIRE_OK(w.manager->EndWorktree(worktree));
  CHECK(w.NothingLeft());
  CHECK(w.log.calls().back() == "import " + w.git.repository().main_worktree.string());
}

TEST_CASE("SessionManager: a branch that cannot be taken is told to who removes the worktree") {
  SessionWorld w;
  w.log.failures["import"] = Aborted("the branch moved on the host");
  Worktree worktree;
  worktree.path = w.git.repository().main_worktree;
  CHECK_CODE(w.manager->EndWorktree(worktree), absl::StatusCode::kAborted);
}

TEST_CASE("SessionManager: a shell joins the newest sandbox of its worktree, or the one it names") {
  SessionWorld w;
  const Worktree here{.repository = w.git.repository(),
                      .path = w.git.repository().main_worktree,
                      .git_dir = {},
                      .branch = {},
                      .head = {}};
  CHECK(ReasonOf(w.manager->PlanAttach(w.caller, {"", here}, {"sh"}, true).status()) ==
        "SANDBOX_NOT_FOUND");
  const std::string first = w.MustOpen();
  const std::string second = w.MustOpen();
  SessionRecord newer = w.session_records.sessions.at(first);
  newer.started += 10;
  w.directory->Put(newer);
  w.log.Clear();
  CHECK(test::Must(w.manager->PlanAttach(w.caller, {"", here}, {"sh"}, true)).argv ==
        std::vector<std::string>{"sh"});
  CHECK(w.log.calls().back() == "attach " + newer.sandbox);
  REQUIRE_OK(w.manager->PlanAttach(w.caller, {second, std::nullopt}, {"sh"}, true));
  CHECK(w.log.calls().back() == "attach " + w.session_records.sessions.at(second).sandbox);
}

}  // namespace
}  // namespace workmux::daemon
