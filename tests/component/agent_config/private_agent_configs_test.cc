#include "daemon/agent_config/private_agent_configs.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>

#include "daemon/async/thread_pool.h"
#include "tests/component/agent_config/agent_world.h"
#include "tests/fakes/manual_executor.h"
#include "tests/support/catch.h"
#include "tests/support/wait_until.h"

namespace workmux::daemon {
namespace {

namespace fs = std::filesystem;
using test::AgentWorld;
using test::Must;
using test::ReadWholeFile;
using test::WaitUntil;
using test::WriteFile;

constexpr char kFile[] = ".credentials.json";

struct ConfigsWorld : AgentWorld {
  ConfigsWorld() { Restart(); }
  ~ConfigsWorld() { Stop(); }

  void Stop() {
    if (configs) configs->StopWatching();
    pool.reset();
  }
  void Restart() {
    Stop();
    pool = std::make_unique<ThreadPool>("test", 1, 4);
    configs = Must(PrivateAgentConfigs::Create(*pool, state()));
  }

  AgentConfigPlan Plan() const {
    AgentConfigPlan plan;
    plan.profile = "claude";
    plan.host_dir = host();
    plan.target = "/tmp/.claude";
    plan.seed_file = dir / "home/.claude-sandbox.json";
    plan.seed_target = "/tmp/.claude.json";
    plan.seed_dir = dir / "home/.claude-sandbox-config";
    plan.seed_dir_target = "/tmp/.claude-sandbox-config";
    return plan;
  }
  // A sandbox of the worktree; its directory.
  fs::path Open(const std::string& worktree) {
    const auto mounts = Must(configs->Prepare(Worktree(worktree), Plan()));
    configs->Watch(Worktree(worktree));
    return mounts.front().source;
  }
  bool HostHas(const std::string& token) const {
    return HostLogin().find('"' + token + '"') != std::string::npos;
  }

  std::unique_ptr<ThreadPool> pool;
  std::unique_ptr<PrivateAgentConfigs> configs;
};

}  // namespace

TEST_CASE("AgentConfigs: what an isolated sandbox sees is its own, but for read-only settings") {
  ConfigsWorld w;
  fs::create_directories(w.host() / "skills");
  const auto mounts = Must(w.configs->Prepare(w.Worktree("wt"), w.Plan()));
  REQUIRE(mounts.size() == 3);
  CHECK(mounts[0].target == "/tmp/.claude");
  CHECK(mounts[0].writable);
  CHECK(mounts[1] == Mount{w.host() / "skills", "/tmp/.claude/skills", false});
  CHECK(mounts[2].target == "/tmp/.claude.json");
  for (const Mount& mount : mounts)
    CHECK(mount.writable == mount.source.string().starts_with((w.state() / "agents").string()));
  CHECK(ReadWholeFile(mounts[2].source) ==
        "{\"hasCompletedOnboarding\":true,\"bypassPermissionsModeAccepted\":true}\n");
  CHECK(ReadWholeFile(w.Plan().seed_file) == ReadWholeFile(mounts[2].source));
}

TEST_CASE("AgentConfigs: the forms of Claude's second file") {
  ConfigsWorld w;
  AgentConfigPlan plan = w.Plan();
  SECTION("without file mounts") {
    plan.file_mounts = false;
    const Mount mount = Must(w.configs->Prepare(w.Worktree("wt"), plan)).back();
    CHECK(mount.target == "/tmp/.claude-sandbox-config");
    CHECK(fs::exists(mount.source / "claude.json"));
    CHECK(fs::exists(plan.seed_dir / "claude.json"));
    CHECK(mount.source.string().starts_with(w.state().string()));
    plan.shared = true;
    CHECK(Must(w.configs->Prepare(w.Worktree("wt"), plan)).back() ==
          Mount{plan.seed_dir, "/tmp/.claude-sandbox-config", true});
  }
  SECTION("in the agent's directory") {
    plan.seed_target.clear();
    plan.seed_dir_target.clear();
    const auto mounts = Must(w.configs->Prepare(w.Worktree("wt"), plan));
    REQUIRE(mounts.size() == 1);
    CHECK(fs::exists(mounts[0].source / ".claude.json"));
  }
}

TEST_CASE("AgentConfigs: shared is the host's own directory, made when absent") {
  ConfigsWorld w;
  AgentConfigPlan plan = w.Plan();
  plan.shared = true;
  plan.host_dir = w.dir / "home/made/for/us";
  const auto mounts = Must(w.configs->Prepare(w.Worktree("wt"), plan));
  CHECK(mounts == std::vector<Mount>{{plan.host_dir, "/tmp/.claude", true},
                                     {plan.seed_file, "/tmp/.claude.json", true}});
  CHECK((fs::status(plan.host_dir).permissions() & fs::perms::mask) == fs::perms::owner_all);
  CHECK_FALSE(fs::exists(w.state() / "agents"));
}

TEST_CASE("AgentConfigs: settings where a sandbox can write are refused", "[attack]") {
  ConfigsWorld w;
  const Worktree worktree = w.Worktree("wt");
  for (const fs::path& place : {w.dir / "wt/.claude", w.dir / "repo/settings", w.state() / "x",
                                w.dir / "repo/.git/x", w.dir.path()}) {
    INFO(place);
    AgentConfigPlan plan = w.Plan();
    plan.host_dir = place;
    CHECK(ReasonOf(w.configs->Prepare(worktree, plan).status()) == "AGENT_DIR_EXPOSED");
    // Also by a link.
    fs::remove(w.dir / "link");
    fs::create_symlink(place, w.dir / "link");
    plan.host_dir = w.dir / "link";
    CHECK(ReasonOf(w.configs->Prepare(worktree, plan).status()) == "AGENT_DIR_EXPOSED");
  }
}

TEST_CASE("AgentConfigs: a login inside is on the host and in every running sandbox at once") {
  ConfigsWorld w;
  const fs::path one = w.Open("one");
  const fs::path two = w.Open("two");
  w.Replace(one / kFile, w.Login("first"));
  CHECK(WaitUntil([&] { return w.HostHas("first"); }));
  CHECK(WaitUntil([&] { return ReadWholeFile(two / kFile) == w.HostLogin(); }));
  WriteFile(two / kFile, w.Login("second"));
  CHECK(WaitUntil([&] { return w.HostHas("second"); }));
  CHECK(WaitUntil([&] { return ReadWholeFile(one / kFile).find("second") != std::string::npos; }));
  w.SetHostLogin("third");
  CHECK(WaitUntil([&] { return ReadWholeFile(one / kFile).find("third") != std::string::npos; }));
  CHECK(WaitUntil([&] { return ReadWholeFile(two / kFile).find("third") != std::string::npos; }));
}

TEST_CASE("AgentConfigs: a host directory that is a link is one and the same for all") {
  ConfigsWorld w;
  fs::rename(w.host(), w.dir / "dotfiles");
  fs::create_directory_symlink(w.dir / "dotfiles", w.host());
  const fs::path one = w.Open("one");
  w.Replace(one / kFile, w.Login("g"));
  CHECK(WaitUntil([&] { return w.HostHas("g"); }));
  CHECK(fs::is_symlink(w.host()));
}

TEST_CASE("AgentConfigs: what was written just before the end is taken") {
  ConfigsWorld w;
  const fs::path one = w.Open("one");
  w.Replace(one / kFile, w.Login("last"));
  w.configs->Unwatch(w.Worktree("one"));
  CHECK(w.HostHas("last"));
  // And nothing after it.
  w.Replace(one / kFile, w.Login("later"));
  w.Open("two");
  w.Replace(w.Open("two") / kFile, w.Login("mark"));
  CHECK(WaitUntil([&] { return w.HostHas("mark"); }));
  CHECK(ReadWholeFile(one / kFile) == w.Login("later"));
}

TEST_CASE("AgentConfigs: a daemon that comes back takes what changed meanwhile") {
  ConfigsWorld w;
  const fs::path one = w.Open("one");
  w.Stop();
  w.Replace(one / kFile, w.Login("meanwhile"));
  w.Restart();
  CHECK_FALSE(w.HostHas("meanwhile"));
  w.configs->Watch(w.Worktree("one"));
  CHECK(WaitUntil([&] { return w.HostHas("meanwhile"); }));
}

TEST_CASE("AgentConfigs: the second of two sandboxes of a worktree keeps the watch") {
  ConfigsWorld w;
  const fs::path one = w.Open("one");
  CHECK(w.Open("one") == one);
  w.configs->Unwatch(w.Worktree("one"));
  w.Replace(one / kFile, w.Login("still"));
  CHECK(WaitUntil([&] { return w.HostHas("still"); }));
}

TEST_CASE("AgentConfigs: a removed worktree's copies go to the trash, without a login behind") {
  ConfigsWorld w;
  w.Open("one");
  w.configs->Unwatch(w.Worktree("one"));
  const Worktree gone = w.Worktree("one");
  fs::remove_all(gone.git_dir);
  REQUIRE_OK(w.configs->Discard(gone));
  CHECK(AgentCopy::AllOf(w.state() / "agents", gone).empty());
  CHECK(std::distance(fs::directory_iterator(w.state() / "agents/trash"), {}) == 1);
  CHECK_OK(w.configs->Discard(gone));
}

TEST_CASE("AgentConfigs: refreshes from all sides at once end in one login everywhere") {
  ConfigsWorld w;
  std::vector<fs::path> dirs;
  for (int i = 0; i < 6; ++i) dirs.push_back(w.Open(Format("w{}", i)));
  dirs.push_back(w.host());
  std::vector<std::thread> writers;
  for (std::size_t i = 0; i < dirs.size(); ++i) {
    writers.emplace_back([&, i] {
      for (int n = 0; n < 30; ++n) w.Replace(dirs[i] / kFile, w.Login(Format("t{}x{}", i, n)));
    });
  }
  for (std::thread& writer : writers) writer.join();
  const auto all_have = [&](const std::string& login) {
    return std::all_of(dirs.begin(), dirs.end(),
                       [&](const fs::path& dir) { return ReadWholeFile(dir / kFile) == login; });
  };
  CHECK(WaitUntil([&] { return all_have(w.HostLogin()); }));
  w.Replace(dirs[2] / kFile, w.Login("the-last"));
  CHECK(WaitUntil([&] { return all_have(w.Login("the-last")); }));
}

TEST_CASE("AgentConfigs: a guest's flood neither keeps others out nor grows the host's file",
          "[attack]") {
  ConfigsWorld w;
  const fs::path loud = w.Open("loud");
  const fs::path quiet = w.Open("quiet");
  std::atomic<bool> stop{false};
  std::thread flood([&] {
    for (int i = 0; !stop; ++i) {
      if (i % 2 == 0) w.Replace(loud / kFile, std::string(1 << 18, '{'));
      fs::remove(loud / kFile);
      WriteFile(loud / Format("junk{}", i % 100), "x");
    }
  });
  w.Replace(quiet / kFile, w.Login("calm"));
  CHECK(WaitUntil([&] { return w.HostHas("calm"); }));
  stop = true;
  flood.join();
  CHECK(w.HostLogin().size() < 200);
}

TEST_CASE("AgentConfigs: nobody waits for a guest's tree to be deleted", "[attack]") {
  ConfigsWorld w;
  w.Stop();
  WriteFile(w.host() / "settings.json", "{}");
  w.SetHostLogin("h");
  const fs::path place = w.state() / "agents/discarded";
  const auto trees = [&] {
    std::error_code error;
    return std::distance(fs::directory_iterator(place, error), {});
  };
  {
    test::ManualExecutor later;
    const auto own = Must(PrivateAgentConfigs::Create(later, w.state()));
    const auto open = [&] {
      return Must(own->Prepare(w.Worktree("one"), w.Plan())).front().source;
    };
    const fs::path dir = open();
    // In the place of settings that change, of settings that go and of the login.
    for (const char* name : {"settings.json", kFile}) {
      fs::remove(dir / name);
      WriteFile(dir / name / "deep/a", "a");
    }
    CHECK(open() == dir);
    CHECK(fs::is_regular_file(dir / "settings.json"));
    CHECK(ReadWholeFile(dir / kFile) == w.HostLogin());
    CHECK(trees() == 2);
    fs::remove(dir / "settings.json");
    WriteFile(dir / "settings.json/deep/a", "a");
    fs::remove(w.host() / "settings.json");
    open();
    CHECK_FALSE(fs::exists(dir / "settings.json"));
    CHECK(trees() == 3);
    CHECK(later.RunAll() == 1);
    CHECK(trees() == 0);
    WriteFile(dir / "settings.json/a", "a");
    WriteFile(w.host() / "settings.json", "{}");
    open();
    CHECK(trees() == 1);
    own->StopWatching();
  }
  // The daemon that comes after one that could not finish.
  w.Restart();
  w.configs->TidyUp();
  CHECK(WaitUntil([&] { return !fs::exists(place); }));
}

TEST_CASE("AgentConfigs: a start with nothing changed writes nothing and is quick") {
  ConfigsWorld w;
  for (int i = 0; i < 20; ++i) WriteFile(w.host() / Format("rule{}.md", i), "x");
  for (const char* name : {"skills", "hooks", "plugins", "commands", "agents"})
    fs::create_directories(w.host() / name);
  w.SetHostLogin("h");
  const fs::path dir = w.Open("one");
  const auto before = fs::last_write_time(dir.parent_path() / "meta");
  auto best = std::chrono::nanoseconds::max();
  for (int i = 0; i < 20; ++i) {
    const auto start = std::chrono::steady_clock::now();
    Must(w.configs->Prepare(w.Worktree("one"), w.Plan()));
    best = std::min<std::chrono::nanoseconds>(best, std::chrono::steady_clock::now() - start);
  }
  CHECK(fs::last_write_time(dir.parent_path() / "meta") == before);
  INFO(best.count() << " ns");
  // Ten times what it takes, for the sake of checked builds.
  CHECK(best < std::chrono::milliseconds(3));
}

}  // namespace workmux::daemon
