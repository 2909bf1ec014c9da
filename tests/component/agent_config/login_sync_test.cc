#include "daemon/agent_config/login_sync.h"

#include "tests/component/agent_config/agent_world.h"
#include "tests/support/catch.h"

namespace workmux::daemon {
namespace {

namespace fs = std::filesystem;
using test::AgentWorld;
using test::Must;
using test::ReadWholeFile;
using test::WriteFile;

constexpr char kFile[] = ".credentials.json";

// A host and two copies, whose sandboxes the test plays.
struct SyncWorld : AgentWorld {
  SyncWorld() {
    for (const char* name : {"one", "two"})
      copies.push_back(
          Must(AgentCopy::Ensure(state() / "agents", Worktree(name), "claude", host())));
  }
  void Pass() { sync.Pass(copies); }
  void Refresh() {
    for (const AgentCopy& copy : copies) REQUIRE_OK(sync.Refresh(copy));
  }
  fs::path File(std::size_t i) const { return copies[i].dir() / kFile; }
  std::string Text(std::size_t i) const { return ReadWholeFile(File(i)); }
  bool AllAre(const std::string& token) const {
    return HostLogin() == Login(token) && Text(0) == Login(token) && Text(1) == Login(token);
  }

  int taken = 0;
  LoginSync sync{[this](const AgentCopy&, const LoginFile&) { ++taken; }};
  std::vector<AgentCopy> copies;
};

}  // namespace

TEST_CASE("LoginSync: the host's login is in every copy at its start") {
  SyncWorld w;
  w.SetHostLogin("h");
  w.Refresh();
  CHECK(w.AllAre("h"));
  CHECK(w.taken == 0);
}

TEST_CASE("LoginSync: a login inside reaches the host and the other sandbox") {
  SyncWorld w;
  w.Refresh();
  CHECK_FALSE(fs::exists(w.host() / kFile));
  WriteFile(w.File(0), w.Login("a"));
  w.Pass();
  CHECK(w.taken == 1);
  CHECK(w.HostLogin() == "{\n  \"claudeAiOauth\": {\n    \"accessToken\": \"a\"\n  }\n}");
  CHECK(w.Text(1) == w.HostLogin());
  CHECK((fs::status(w.host() / kFile).permissions() & fs::perms::mask) ==
        (fs::perms::owner_read | fs::perms::owner_write));
  // What we wrote ourselves is no news to anybody.
  const auto before = fs::last_write_time(w.host() / kFile);
  for (int i = 0; i < 3; ++i) w.Pass();
  CHECK(w.taken == 1);
  CHECK(fs::last_write_time(w.host() / kFile) == before);
}

TEST_CASE("LoginSync: a refreshed token goes everywhere, also by rename, from any side") {
  SyncWorld w;
  w.SetHostLogin("h1");
  w.Refresh();
  w.Replace(w.File(1), w.Login("b"));
  w.Pass();
  CHECK(w.AllAre("b"));
  WriteFile(w.File(0), w.Login("a"));
  w.Pass();
  CHECK(w.AllAre("a"));
  w.SetHostLogin("h2");
  w.Pass();
  CHECK(w.AllAre("h2"));
}

TEST_CASE("LoginSync: of two at the same time the later one stays") {
  SyncWorld w;
  w.SetHostLogin("h");
  w.Refresh();
  WriteFile(w.File(0), w.Login("early"));
  WriteFile(w.File(1), w.Login("late"));
  w.SetTime(w.File(0), 2'000'000'000);
  w.SetTime(w.File(1), 2'000'000'001);
  SECTION("of two sandboxes") {
    w.Pass();
    CHECK(w.AllAre("late"));
  }
  SECTION("of the host and a sandbox") {
    w.SetHostLogin("host");
    w.SetTime(w.host() / kFile, 2'000'000'002);
    w.Pass();
    CHECK(w.AllAre("host"));
  }
  w.Pass();
  CHECK(w.Text(0) == w.HostLogin());
}

TEST_CASE("LoginSync: what changed while nobody watched is taken at the next look") {
  SyncWorld w;
  w.SetHostLogin("h");
  w.Refresh();
  w.Replace(w.File(0), w.Login("meanwhile"));
  LoginSync later([](const AgentCopy&, const LoginFile&) {});
  SECTION("by a pass") { later.Pass(w.copies); }
  SECTION("by the next start") { REQUIRE_OK(later.Refresh(w.copies[0])); }
  CHECK(w.HostLogin() == w.Login("meanwhile"));
}

TEST_CASE("LoginSync: what a sandbox deletes stays with the host, and comes back at its start") {
  SyncWorld w;
  w.SetHostLogin("h");
  w.Refresh();
  fs::remove(w.File(0));
  WriteFile(w.File(1), "{}");
  w.Pass();
  CHECK(w.HostLogin() == w.Login("h"));
  CHECK_FALSE(fs::exists(w.File(0)));
  w.Refresh();
  CHECK(w.AllAre("h"));
}

TEST_CASE("LoginSync: a host that logged out logs a sandbox out at its start") {
  SyncWorld w;
  w.SetHostLogin("h");
  w.Refresh();
  fs::remove(w.host() / kFile);
  w.Pass();
  CHECK_FALSE(fs::exists(w.host() / kFile));
  w.Refresh();
  CHECK_FALSE(fs::exists(w.File(0)));
  CHECK_FALSE(fs::exists(w.host() / kFile));
}

TEST_CASE("LoginSync: only the login goes to the host", "[attack]") {
  SyncWorld w;
  const std::string host = R"({"claudeAiOauth":{"accessToken":"h"},"pluginSecrets":{"p":"host"}})";
  w.Replace(w.host() / kFile, host);
  w.Refresh();
  CHECK(w.Text(0) == host);
  w.Replace(w.File(0), R"({"claudeAiOauth":{"accessToken":"g","apiUrl":"https://evil"},)"
                       R"("pluginSecrets":{"p":"evil"},"mcpOAuth":{"s":"private"}})");
  w.Pass();
  const std::string expected =
      R"({"claudeAiOauth":{"accessToken":"g"},"pluginSecrets":{"p":"host"}})";
  CHECK(w.HostLogin() == expected);
  CHECK(w.Text(1) == expected);
  // What only this sandbox has is not lost to it when another one's token arrives.
  w.Replace(w.File(1), w.Login("g2"));
  w.Pass();
  CHECK(w.Text(0).find(R"("mcpOAuth":{"s":"private"})") != std::string::npos);
  CHECK(w.Text(0).find("g2") != std::string::npos);
}

TEST_CASE("LoginSync: nothing but a small plain file is read, and none is waited for", "[attack]") {
  SyncWorld w;
  w.SetHostLogin("h");
  w.Refresh();
  WriteFile(w.dir / "secret.json", w.Login("stolen"));
  fs::remove(w.File(0));
  const std::string kind = GENERATE("link", "fifo", "directory", "huge", "text", "nested", "shell");
  if (kind == "link") fs::create_symlink(w.dir / "secret.json", w.File(0));
  if (kind == "fifo") REQUIRE(::mkfifo(w.File(0).c_str(), 0600) == 0);
  if (kind == "directory") fs::create_directories(w.File(0) / "x");
  if (kind == "huge")
    WriteFile(w.File(0), R"({"x":")" + std::string(2 << 20, 'x') + "\"," + w.Login("g").substr(1));
  if (kind == "text") WriteFile(w.File(0), "no JSON");
  if (kind == "nested") WriteFile(w.File(0), std::string(500'000, '['));
  if (kind == "shell") WriteFile(w.File(0), w.Login("$(touch /tmp/p)"));
  INFO(kind);
  w.Pass();
  CHECK(w.HostLogin() == w.Login("h"));
  CHECK(w.Text(1) == w.Login("h"));
  // A new token of the host's takes the place of whatever stands there.
  w.SetHostLogin("h2");
  w.Pass();
  CHECK(w.AllAre("h2"));
  CHECK(ReadWholeFile(w.dir / "secret.json") == w.Login("stolen"));
}

TEST_CASE("LoginSync: nothing is written through a link of the host's", "[attack]") {
  SyncWorld w;
  WriteFile(w.dir / "elsewhere.json", w.Login("h"));
  fs::create_symlink(w.dir / "elsewhere.json", w.host() / kFile);
  w.Refresh();
  CHECK(w.Text(0) == w.Login("h"));  // read it is
  w.Replace(w.File(0), w.Login("g"));
  w.Pass();
  CHECK(ReadWholeFile(w.dir / "elsewhere.json") == w.Login("h"));
  CHECK(fs::is_symlink(w.host() / kFile));
  fs::remove(w.host() / kFile);
  fs::create_symlink(w.dir / "new.json", w.host() / kFile);
  w.Replace(w.File(0), w.Login("g3"));
  w.Pass();
  CHECK_FALSE(fs::exists(w.dir / "new.json"));
  CHECK(fs::is_symlink(w.host() / kFile));
}

TEST_CASE("LoginSync: a file of the host's that we do not understand comes in as it is") {
  SyncWorld w;
  w.Replace(w.host() / kFile, "// not JSON\n{}");
  w.Refresh();
  CHECK(w.Text(0) == "// not JSON\n{}");
  w.Replace(w.File(0), w.Login("g"));
  w.Pass();
  CHECK(w.HostLogin() == "// not JSON\n{}");
}

}  // namespace workmux::daemon
