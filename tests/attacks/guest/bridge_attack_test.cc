#include <atomic>
#include <set>
#include <thread>

#include "common/base/strings.h"
#include "tests/attacks/guest/guest_world.h"
#include "tests/support/build_tree.h"

namespace workmux::test {
namespace {

namespace fs = std::filesystem;

constexpr char kTell[] =
    "echo \"bridge $WM_RPC_HOST $WM_RPC_PORT $WM_RPC_TOKEN .\"; exec sleep 600";

struct Bridge {
  std::string host;
  std::string port;
  std::string token;
  fs::path socket_dir;  // on the host
};

std::set<fs::path> SocketDirs(const WorkmuxWorld& world) {
  std::set<fs::path> dirs;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(world.runtime() / "workmux/s", error))
    dirs.insert(entry.path());
  return dirs;
}

// A sandbox that stays, and what it was given.
struct Running {
  Running(WorkmuxWorld& world, const std::string& engine) {
    world.SetConfig(SandboxConfigFor(engine));
    const std::set<fs::path> before = SocketDirs(world);
    program = world.Start({"sandbox", "run", world.repo().string(), "--", kTell});
    INFO(program->err());
    REQUIRE(program->Prints(" .\n"));
    const std::string out = program->out();
    const std::vector<std::string> words = Split(out.substr(out.find("bridge ")), ' ');
    REQUIRE(words.size() >= 4);
    bridge = {words[1], words[2], words[3], {}};
    for (const fs::path& dir : SocketDirs(world)) {
      if (!before.contains(dir)) bridge.socket_dir = dir;
    }
    REQUIRE(bridge.socket_dir.empty() == false);
  }

  std::unique_ptr<Program> program;
  Bridge bridge;
};

std::string Guest() { return (BinaryDir() / "lib/workmux/guest/workmux").string(); }

// The guest's client with another sandbox's address, as a program in a sandbox
// of the same kind could call it.
CommandResult CallTcp(WorkmuxWorld& world, const std::string& engine, const Bridge& to,
                      const std::string& token) {
  const WorkmuxWorld::Where where = {
      .cwd = "/",
      .env = {{"WM_RPC_HOST", to.host}, {"WM_RPC_PORT", to.port}, {"WM_RPC_TOKEN", token}},
      .input = {}};
  // Its network is the host's.
  if (engine == "namespace") return world.RunCommand({Guest(), "heartbeat"}, where);
  const std::string mount = fs::path(Guest()).parent_path().string() + ":/guest:ro";
  return world.RunCommand({"docker", "run", "--rm", "--add-host", to.host + ":host-gateway",
                           "--volume", mount, "--env", "WM_RPC_HOST", "--env", "WM_RPC_PORT",
                           "--env", "WM_RPC_TOKEN", TestImage(), "/guest/workmux", "heartbeat"},
                          where);
}

CommandResult CallSocket(WorkmuxWorld& world, const Bridge& to, const std::string& token) {
  return world.RunCommand(
      {"bwrap", "--dev-bind", "/", "/", "--tmpfs", "/run", "--ro-bind", to.socket_dir.string(),
       "/run/workmux/bridge", "--", Guest(), "heartbeat"},
      {.cwd = "/", .env = {{"WM_RPC_TOKEN", token}}, .input = {}});
}

void CheckRefused(const CommandResult& result) {
  INFO(result.out << result.err);
  CHECK_FALSE(result.exit.ok());
  CHECK(result.err.find("unauthenticated") != std::string::npos);
}

void CheckTaken(const CommandResult& result) {
  INFO(result.out << result.err);
  CHECK(result.exit.ok());
}

// Every command line that exists while it lives, read again and again.
class CommandLineWatch {
 public:
  CommandLineWatch() : thread_([this] { Watch(); }) {}
  ~CommandLineWatch() { End(); }
  std::string End() {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
    return seen_;
  }

 private:
  void Watch() {
    while (!stop_) {
      std::error_code error;
      for (fs::directory_iterator at("/proc", error); !error && at != fs::directory_iterator();
           at.increment(error)) {
        const std::string name = at->path().filename().string();
        if (name.find_first_not_of("0123456789") != std::string::npos) continue;
        if (const std::string line = CommandLine(std::stoi(name)); lines_.insert(line).second)
          seen_ += line + "\n";
      }
    }
  }

  std::atomic<bool> stop_ = false;
  std::set<std::string> lines_;
  std::string seen_;
  std::thread thread_;
};

}  // namespace

// Control: the listener's own token.
TEST_CASE("Attack T4: a token is worth nothing at another sandbox's listener",
          "[attack][T4][namespace][docker][podman]") {
  for (const std::string engine : {"namespace", "docker", "podman"}) {
    if (!CanUse(engine)) continue;
    GuestWorld world;
    const Running a(world, engine);
    const Running b(world, engine);
    INFO(engine);
    CheckRefused(CallSocket(world, b.bridge, a.bridge.token));
    CheckTaken(CallSocket(world, b.bridge, b.bridge.token));
    // A rootless engine's containers cannot connect to an address of this host.
    if (engine == "podman") continue;
    CheckRefused(CallTcp(world, engine, b.bridge, a.bridge.token));
    CheckRefused(CallTcp(world, engine, a.bridge, b.bridge.token));
    CheckRefused(CallTcp(world, engine, b.bridge, "nonsense"));
    CheckTaken(CallTcp(world, engine, b.bridge, b.bridge.token));
  }
}

// Control: an argument of the agent's, which the same watch sees.
TEST_CASE("Attack T5: a token is in no command line and no log",
          "[attack][T5][namespace][docker][podman]") {
  for (const std::string engine : {"namespace", "docker", "podman"}) {
    if (!CanUse(engine)) continue;
    INFO(engine);
    GuestWorld world;
    world.SetConfig(SandboxConfigFor(engine));
    CommandLineWatch watch;
    const CommandResult result = world.Run(
        {"sandbox", "run", ".", "--", "sleep 0.3; echo \"$WM_RPC_TOKEN\"; : canary-5e1f"});
    const std::string lines = watch.End();
    const std::string token(Trim(result.out));
    REQUIRE(token.size() >= 32);
    CHECK(lines.find("canary-5e1f") != std::string::npos);
    CHECK(lines.find(token) == std::string::npos);
    CHECK(world.DaemonLog().find("session") != std::string::npos);
    CHECK(world.DaemonLog().find(token) == std::string::npos);
    // Over with its sandbox.
    const CommandResult late = world.Run({"sandbox", "run", ".", "--", "echo \"$WM_RPC_TOKEN\""});
    CHECK(std::string(Trim(late.out)) != token);
  }
}

}  // namespace workmux::test
