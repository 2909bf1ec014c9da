// Services of the host that a restricted sandbox may use.

#include <nlohmann/json.hpp>

#include "common/base/format.h"
#include "common/io/socket.h"
#include "tests/support/catch.h"
#include "tests/support/status_matchers.h"
#include "tests/support/wait_until.h"
#include "tests/support/workmux_world.h"

#include <sys/socket.h>

#include <atomic>
#include <thread>

namespace workmux::test {
namespace {

using nlohmann::json;

// Greets whoever connects to a port of the host's loopback.
class Greeter {
 public:
  Greeter() : listener_(Must(ListenTcp("127.0.0.1", 0))), port_(Must(LocalPort(listener_.get()))) {}
  int port() const { return port_; }
  int greeted() const { return greeted_; }

 private:
  void Serve(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      const UniqueFd client(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!client.valid()) {
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
        continue;
      }
      ++greeted_;
      ::send(client.get(), "greetings\n", 10, MSG_NOSIGNAL);
    }
  }

  UniqueFd listener_;
  int port_;
  std::atomic<int> greeted_ = 0;
  std::jthread thread_{[this](const std::stop_token& stop) { Serve(stop); }};
};

std::string Reach(int port) {
  return Format("bash -c 'exec 3<>/dev/tcp/127.0.0.1/{} && cat <&3'", port);
}

std::string Config(const std::string& engine, const std::string& network) {
  return SandboxConfigFor(engine) + "  network:\n" + network;
}

}  // namespace

// Control: the same program reaches the second service once it is named too.
TEST_CASE("host_ports: a sandbox has what is named at the same port, and nothing else") {
  for (const std::string engine : {"namespace", "docker", "podman"}) {
    if (!CanUse(engine)) continue;
    INFO(engine);
    Greeter named;
    Greeter other;
    const std::string one = Format(
        "    policy: deny\n    host_ports:\n      - {{name: one, port: {}}}\n", named.port());
    WorkmuxWorld world(Config(engine, one));
    const std::string script = Reach(named.port()) + "; " + Reach(other.port());
    const CommandResult result = world.Run({"sandbox", "run", ".", "--", script});
    CHECK(result.out == "greetings\n");
    CHECK(result.exit.code != 0);
    CHECK(named.greeted() == 1);
    CHECK(other.greeted() == 0);
    const json ended = json::parse(world.Must({"net", "log", "--json", "-n", "1"}));
    CHECK(ended["event"] == "ended");
    CHECK(ended["service"] == "one");
    CHECK(ended["host"].is_null());
    CHECK(ended["bytes_down"] == 10);

    world.SetConfig(
        Config(engine, one + Format("      - {{name: other, port: {}}}\n", other.port())));
    CHECK(world.Must({"sandbox", "run", ".", "--", script}) == "greetings\ngreetings");
    CHECK(other.greeted() == 1);
  }
}

TEST_CASE("host_ports: work again after kill -9 of the daemon, with nothing changed inside") {
  if (!HaveBubblewrap()) return;
  Greeter service;
  WorkmuxWorld world(Config(
      "namespace",
      Format("    policy: deny\n    host_ports: [{{name: one, port: {}}}]\n", service.port())));
  const auto program = world.Start(
      {"sandbox", "run", ".", "--",
       Format("while sleep 0.1; do {} >> heard 2>/dev/null; done", Reach(service.port()))});
  REQUIRE(WaitUntil([&] { return service.greeted() > 0; }, std::chrono::seconds(30)));
  world.KillDaemon();
  world.Must({"list"});
  const int before = service.greeted();
  CHECK(WaitUntil([&] { return service.greeted() > before + 1; }, std::chrono::seconds(30)));
}

TEST_CASE("host_ports: with an open network a start says that the list has no effect") {
  if (!HaveBubblewrap()) return;
  const WorkmuxWorld world(Config("namespace", "    host_ports: [{name: one, port: 5432}]\n"));
  const CommandResult result = world.Run({"sandbox", "run", ".", "--", "true"});
  CHECK(result.exit.ok());
  CHECK(result.err.find("sandbox.network.host_ports has no effect") != std::string::npos);
}

}  // namespace workmux::test
