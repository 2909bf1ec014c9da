// What people see when the world around a sandbox does not hold.

#include <nlohmann/json.hpp>

#include "common/base/strings.h"
#include "tests/e2e/sessions/engine.h"
#include "tests/support/catch.h"
#include "tests/support/wait_until.h"

namespace workmux::test {
namespace {

using Catch::Contains;
namespace fs = std::filesystem;

constexpr Engine kContainers[] = {Engine::kDocker, Engine::kPodman};

std::string WithOption(Engine engine, const std::string& line) {
  return "sandbox:\n  backend: container\n  image: " + TestImage() +
         "\n  container:\n    runtime: " + NameOf(engine) + "\n    " + line + "\n";
}

// Hands every connection on to the engine for as long as it lives.
constexpr char kForwarder[] = R"(
import os, socket, sys, threading
def pump(a, b):
    try:
        while data := a.recv(65536): b.sendall(data)
    except OSError: pass
    try: b.shutdown(socket.SHUT_WR)
    except OSError: pass
server = socket.socket(socket.AF_UNIX)
try: os.unlink(sys.argv[1])
except FileNotFoundError: pass
server.bind(sys.argv[1]); server.listen(64)
print("ready", flush=True)
while True:
    client, _ = server.accept()
    engine = socket.socket(socket.AF_UNIX); engine.connect(sys.argv[2])
    for pair in ((client, engine), (engine, client)):
        threading.Thread(target=pump, args=pair, daemon=True).start()
)";

std::string EngineSocket() {
  const std::string host = Docker({"context", "inspect", "--format", "{{.Endpoints.docker.Host}}"});
  return host.substr(host.find("://") + 3);
}

nlohmann::json Listed(const WorkmuxWorld& world) {
  return nlohmann::json::parse(world.Must({"sandbox", "list", "--json"}));
}

}  // namespace

TEST_CASE("Broken world: what the engine refuses names its key", "[broken]") {
  for (const Engine engine : kContainers) {
    if (!Have(engine)) continue;
    const WorkmuxWorld world;
    const auto refused = [&](const std::string& line, const std::string& words) {
      INFO(NameOf(engine) << ": " << line);
      world.SetConfig(WithOption(engine, line));
      const CommandResult result = world.Run({"sandbox", "run", ".", "--", "true"});
      CHECK(result.exit.code == 125);
      CHECK_THAT(result.err, Contains(words) && Contains("workmux: "));
    };
    refused("devices: [/dev/wm-none]", "sandbox.container.devices: ");
    refused("cap_add: [WM_NONE]", "sandbox.container.cap_add: ");
    refused("security_opt: ['wm-none=1']", "sandbox.container.security_opt: ");
    refused("oci_runtime: wm-none", "sandbox.container.oci_runtime: ");
    // Podman 4.3 tells it on the terminal only.
    refused("group_add: [wm-none]",
            engine == Engine::kDocker ? "sandbox.container.group_add: " : "group wm-none");
    CHECK(WaitUntil([&] { return Listed(world).empty(); }));
    CHECK(LivingSandboxes(world, engine).empty());
  }
}

TEST_CASE("Broken world: a container that somebody removed is over, and the next one starts",
          "[broken]") {
  for (const Engine engine : kContainers) {
    if (!Have(engine)) continue;
    INFO(NameOf(engine));
    const WorkmuxWorld world(ConfigFor(engine));
    const auto agent = world.Start({"sandbox", "run", ".", "--", "echo ready; exec sleep 1000"});
    REQUIRE(agent->Prints("ready"));
    const std::string name = Listed(world)[0]["name"];
    REQUIRE(world
                .RunCommand({NameOf(engine), "rm", "--force", name},
                            {.cwd = "/", .env = {}, .input = {}})
                .exit.ok());
    CHECK(agent->Wait() != 0);
    CHECK(WaitUntil([&] { return Listed(world).empty(); }));
    CHECK(world.Run({"sandbox", "run", ".", "--", "exit 3"}).exit.code == 3);
  }
}

TEST_CASE("Broken world: an engine that goes away and comes back finds its sandboxes again",
          "[broken]") {
  if (!Have(Engine::kDocker)) return;
  WorkmuxWorld world(ConfigFor(Engine::kDocker));
  const fs::path socket = world.area() / "engine.sock";
  const std::string script = world.Install("forward.py", kForwarder).string();
  const auto engine = [&] {
    auto program = world.StartCommand({"python3", script, socket.string(), EngineSocket()});
    REQUIRE(program->Prints("ready"));
    return program;
  };
  world.env()["DOCKER_HOST"] = "unix://" + socket.string();
  auto first = engine();
  auto agent = world.Start({"sandbox", "run", ".", "--", "echo ready; exec sleep 1000"});
  REQUIRE(agent->Prints("ready"));
  const std::string name = Listed(world)[0]["name"];

  first.reset();
  CHECK(agent->Wait() != 0);
  // What cannot be seen is unknown, not gone.
  const CommandResult blind = world.Run({"sandbox", "list"});
  CHECK(blind.exit.ok());
  CHECK_THAT(blind.out, Contains(name) && !Contains("missing"));
  CHECK_THAT(blind.err, Contains("engine is not running"));
  CHECK_THAT(world.Run({"sandbox", "run", ".", "--", "true"}).err,
             Contains("engine is not running") && Contains("hint: "));

  const auto second = engine();
  world.Must({"daemon", "stop"});
  world.Must({"daemon", "start"});
  CHECK(WaitUntil([&] { return Listed(world).empty(); }, std::chrono::seconds(60)));
  CHECK(LivingSandboxes(world, Engine::kDocker).empty());
  CHECK(world.Run({"sandbox", "run", ".", "--", "exit 3"}).exit.code == 3);
}

TEST_CASE("Broken world: nothing is pulled into another engine than the daemon's", "[broken]") {
  if (!Have(Engine::kDocker)) return;
  const WorkmuxWorld world(ConfigFor(Engine::kDocker));
  world.Must({"daemon", "start"});
  const WorkmuxWorld::Where elsewhere = {
      .cwd = {},
      .env = {{"DOCKER_HOST", "unix://" + (world.area() / "no-engine").string()}},
      .input = {}};
  for (const char* verb : {"pull", "build"}) {
    INFO(verb);
    const CommandResult refused = world.Run({"sandbox", verb, "--agent", "claude"}, elsewhere);
    CHECK(refused.exit.code == 1);
    CHECK_THAT(refused.err, Contains("DOCKER_HOST") && Contains("hint: "));
  }
}

}  // namespace workmux::test
