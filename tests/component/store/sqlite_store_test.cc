#include "daemon/adapters/store/sqlite_store.h"

#include <sys/stat.h>

#include "tests/support/catch.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace workmux::daemon {
namespace {

SessionRecord ExampleSession() {
  SessionRecord record;
  record.id = "0011223344556677";
  record.sandbox = "wm-docs-0011223344556677";
  record.backend = "container";
  record.worktree.repository = {"/src/app/.git", "/src/app"};
  record.worktree.path = "/src/app__worktrees/docs";
  record.worktree.git_dir = "/src/app/.git/worktrees/docs";
  record.worktree.branch = "docs";
  record.git = "clone";
  record.cwd = "/src/app__worktrees/docs/sub";
  record.agent = "claude";
  record.token = Secret("tok'en");
  record.bridge_address = "172.17.0.1";
  record.bridge_port = 40123;
  record.bridge_dir = "/run/user/1000/workmux/s/0011223344556677";
  record.client = {.pid = 4711, .start_time = "123456", .boot_id = "boot"};
  record.pane = PaneRef{"/tmp/tmux-1000/default", "1790000000", "%7"};
  record.started = 1790000012;
  record.icons.done = "#[fg=green]ok";
  record.icons.edit_format = false;
  record.sealed_dir = "/src/app/.trees";
  record.agent_profile = "codex";
  record.host_ports = {{"database", 5432}, {"cache", 6379}};
  record.credentials = {{.host = "api.example.com",
                         .header = "authorization",
                         .value = "Bearer {secret}",
                         .file = "/home/u/key",
                         .command = {},
                         .variable = "KEY",
                         .allow = {{"GET", "/**"}}}};
  record.authority = Secret("-----BEGIN\nkey");
  return record;
}

TEST_CASE("SqliteStore: a session comes back whole after the store was opened again") {
  test::TempDir dir;
  const SessionRecord written = ExampleSession();
  {
    const auto store = test::Must(SqliteStore::Open(dir / "s.db"));
    REQUIRE_OK(store->PutSession(written));
  }
  const auto store = test::Must(SqliteStore::Open(dir / "s.db"));
  const auto records = test::Must(store->LoadSessions());
  REQUIRE(records.size() == 1);
  const SessionRecord& read = records.front();
  CHECK(read.id == written.id);
  CHECK(read.sandbox == written.sandbox);
  CHECK(read.backend == written.backend);
  CHECK(read.worktree.repository == written.worktree.repository);
  CHECK(read.worktree.path == written.worktree.path);
  CHECK(read.worktree.git_dir == written.worktree.git_dir);
  CHECK(read.worktree.branch == written.worktree.branch);
  CHECK(read.git == written.git);
  CHECK(read.cwd == written.cwd);
  CHECK(read.agent == written.agent);
  CHECK(read.token.Reveal() == written.token.Reveal());
  CHECK(read.bridge_address == written.bridge_address);
  CHECK(read.bridge_port == written.bridge_port);
  CHECK(read.bridge_dir == written.bridge_dir);
  CHECK(read.client == written.client);
  CHECK(read.pane == written.pane);
  CHECK(read.started == written.started);
  CHECK(read.icons.done == written.icons.done);
  CHECK(read.icons.edit_format == written.icons.edit_format);
  CHECK(read.sealed_dir == written.sealed_dir);
  CHECK(read.agent_profile == written.agent_profile);
  CHECK(read.host_ports == written.host_ports);
  CHECK(read.credentials == written.credentials);
  CHECK(read.authority.Reveal() == written.authority.Reveal());
  REQUIRE_OK(store->EraseSession(written.id));
  CHECK(test::Must(store->LoadSessions()).empty());
}

TEST_CASE("SqliteStore: agents are kept by pane and server") {
  test::TempDir dir;
  const auto store = test::Must(SqliteStore::Open(dir / "s.db"));
  AgentRecord record;
  record.pane = {"/tmp/tmux", "100", "%1"};
  record.status = AgentStatus::kWaiting;
  record.title = "It's \"quoted\"; DROP TABLE agents";
  REQUIRE_OK(store->PutAgent(record));
  record.status = AgentStatus::kDone;
  REQUIRE_OK(store->PutAgent(record));
  auto agents = test::Must(store->LoadAgents());
  REQUIRE(agents.size() == 1);
  CHECK(agents.front().status == AgentStatus::kDone);
  CHECK(agents.front().title == record.title);
  REQUIRE_OK(store->EraseAgent(record.pane));
  CHECK(test::Must(store->LoadAgents()).empty());
}

TEST_CASE("SqliteStore: trust is kept by repository") {
  test::TempDir dir;
  const auto store = test::Must(SqliteStore::Open(dir / "s.db"));
  CHECK_FALSE(test::Must(store->WasSandboxed("/a/.git")));
  REQUIRE_OK(store->MarkSandboxed("/a/.git"));
  REQUIRE_OK(store->MarkSandboxed("/a/.git"));
  REQUIRE_OK(store->ApproveHash("/a/.git", "h1"));
  CHECK(test::Must(store->WasSandboxed("/a/.git")));
  CHECK_FALSE(test::Must(store->WasSandboxed("/b/.git")));
  CHECK(test::Must(store->ApprovedHashes("/a/.git")) == std::set<std::string>{"h1"});
  CHECK(test::Must(store->ApprovedHashes("/b/.git")).empty());
}

TEST_CASE("SqliteStore: worktrees are kept by repository, and tell which there are") {
  test::TempDir dir;
  auto store = test::Must(SqliteStore::Open(dir / "db"));
  CHECK(test::Must(store->Repositories()).empty());
  const WorktreeRecord record{"topic", "main", "0123", 7};
  REQUIRE_OK(store->Put("/a/.git", "/a/one", record));
  REQUIRE_OK(store->Put("/a/.git", "/a/two", record));
  REQUIRE_OK(store->Put("/b/.git", "/b/one", record));
  CHECK(test::Must(store->Repositories()) == std::set<std::filesystem::path>{"/a/.git", "/b/.git"});
  CHECK(test::Must(store->List("/a/.git")).size() == 2);
  CHECK(test::Must(store->Get("/b/.git", "/b/one")) == record);
  REQUIRE_OK(store->Erase("/b/.git", "/b/one"));
  CHECK(test::Must(store->Repositories()) == std::set<std::filesystem::path>{"/a/.git"});
}

TEST_CASE("SqliteStore: the journal keeps order and steps until the end") {
  test::TempDir dir;
  const std::string payload("bin\0ary", 7);
  std::int64_t first = 0;
  {
    const auto store = test::Must(SqliteStore::Open(dir / "s.db"));
    first = test::Must(store->Begin("add", payload));
    const std::int64_t second = test::Must(store->Begin("remove", "p"));
    REQUIRE_OK(store->Note(first, "worktree"));
    REQUIRE_OK(store->Note(first, "window"));
    CHECK(second > first);
    REQUIRE_OK(store->End(second));
    REQUIRE_OK(store->End(second));
  }
  const auto store = test::Must(SqliteStore::Open(dir / "s.db"));
  const auto entries = test::Must(store->Unfinished());
  REQUIRE(entries.size() == 1);
  CHECK(entries.front().id == first);
  CHECK(entries.front().payload == payload);
  CHECK(entries.front().steps == std::vector<std::string>{"worktree", "window"});
}

TEST_CASE("SqliteStore: what a registry said is kept by engine and image, the last word counts") {
  test::TempDir dir;
  {
    const auto store = test::Must(SqliteStore::Open(dir / "s.db"));
    REQUIRE_OK(store->PutImage({"docker", "a:1", "sha256:1", 100, false}));
    REQUIRE_OK(store->PutImage({"docker", "a:1", "sha256:2", 1790000000, true}));
    REQUIRE_OK(store->PutImage({"podman", "a:1", "sha256:3", 7, false}));
  }
  const auto store = test::Must(SqliteStore::Open(dir / "s.db"));
  const auto read = test::Must(store->GetImage("docker", "a:1"));
  REQUIRE(read);
  CHECK(read->image_id == "sha256:2");
  CHECK(read->checked == 1790000000);
  CHECK(read->stale);
  CHECK_FALSE(test::Must(store->GetImage("podman", "a:1"))->stale);
  CHECK_FALSE(test::Must(store->GetImage("docker", "b:1")));
}

TEST_CASE("SqliteStore: what a sandbox is meant to be, and what has passed, outlive the daemon") {
  test::TempDir dir;
  {
    const auto store = test::Must(SqliteStore::Open(dir / "s.db"));
    REQUIRE_OK(store->PutMeant({"s1", "00ff", "combination"}));
    REQUIRE_OK(store->PutMeant({"s2", "11", ""}));
    REQUIRE_OK(store->EraseMeant("s2"));
    REQUIRE_OK(store->PutVerified("other"));
    REQUIRE_OK(store->PutVerified("other"));
  }
  const auto store = test::Must(SqliteStore::Open(dir / "s.db"));
  const auto meant = test::Must(store->GetMeant("s1"));
  REQUIRE(meant);
  CHECK(meant->expectation == "00ff");
  CHECK(meant->combination == "combination");
  CHECK_FALSE(test::Must(store->GetMeant("s2")));
  CHECK(test::Must(store->IsVerified("other")));
  CHECK_FALSE(test::Must(store->IsVerified("combination")));
}

TEST_CASE("SqliteStore: the file is private, and a file that is no database is left as it is") {
  test::TempDir dir;
  test::Must(SqliteStore::Open(dir / "s.db"));
  struct stat info {};
  REQUIRE(::stat((dir / "s.db").c_str(), &info) == 0);
  CHECK((info.st_mode & 0777) == 0600);

  const std::string rubbish(8192, 'x');
  test::WriteFile(dir / "bad.db", rubbish);
  CHECK_CODE(SqliteStore::Open(dir / "bad.db"), absl::StatusCode::kDataLoss);
  CHECK(test::ReadWholeFile(dir / "bad.db") == rubbish);
}

}  // namespace
}  // namespace workmux::daemon
