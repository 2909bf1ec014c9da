#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstring>

#include "common/base/strings.h"
#include "common/io/socket.h"
#include "tests/integration/isolated/isolated_world.h"
#include "tests/support/status_matchers.h"
#include "tests/support/workmux_world.h"
#include "workmux/guest/v1/probe.pb.h"

namespace workmux::daemon {
namespace {

constexpr const char* kEngines[] = {"namespace", "docker", "podman"};

// The filter's whole answer, tests/attacks/attacker/sockets.h.
#if defined(__x86_64__)
constexpr char kFiltered[] =
    "families: 1 2 10 16; netlink: 0; io_uring: 38; x32: 38; socketcall: 38; i386: 97;\n";
#else
constexpr char kFiltered[] = "families: 1 2 10 16; netlink: 0; io_uring: 38;\n";
#endif

UniqueFd ListenAbstract(const std::string& name) {
  UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path + 1, name.data(), name.size());
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  REQUIRE(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), size) == 0);
  REQUIRE(::listen(socket.get(), 8) == 0);
  return socket;
}

std::string LineWith(const std::string& out, std::string_view start) {
  for (const std::string& line : SplitLines(out)) {
    if (line.starts_with(start)) return line + "\n";
  }
  return {};
}

}  // namespace

// Control: the same sandbox with an open network reaches the host's server.
TEST_CASE("Isolated: the mounted socket is reached through loopback, and no host is",
          "[isolated]") {
  for (const std::string engine : kEngines) {
    if (!test::CanUse(engine)) continue;
    INFO(engine);
    test::IsolatedWorld world(engine);
    const auto proxy = world.Serve();
    UniqueFd tcp = test::Must(ListenTcp("0.0.0.0", 0));
    const int port = test::Must(LocalPort(tcp.get()));
    const test::EchoServer host(std::move(tcp));
    std::string reach;
    for (const std::string& address : test::HostAddresses())
      reach += Format("./attacker reach {} {}\n", address, port);
    // The host's loopback is another one, even where the sandbox has the same port.
    reach += Format("./attacker reach 127.0.0.1 {0}; ./attacker reach ::1 {0}\n", port);

    CHECK(world.Run(reach).second.find("reached\n") != std::string::npos);
    CHECK(host.connections() > 0);
    const int before = host.connections();

    world.Isolate();
    const auto [code, out] = world.Run(
        "./attacker echo 3128 10000000\n./attacker reach ::1 3128\n"
        "echo ---\n" +
        reach + "env | grep WM_R");
    CHECK(code == 1);  // grep's
    const std::size_t cut = out.find("---\n");
    REQUIRE(cut != std::string::npos);
    CHECK_THAT(out, Catch::StartsWith("echoed 10000000 of 10000000\n"));
    CHECK(out.find("reached", cut) == std::string::npos);
    CHECK(out.find("WM_R") == std::string::npos);
    CHECK(host.connections() == before);
    CHECK(proxy->connections() >= 1);
  }
}

// Control: without isolation more families exist, and the host's abstract socket answers
// where the network is the host's.
TEST_CASE(
    "Isolated: loopback is all, four families of sockets exist, abstract ones of the host do not",
    "[isolated]") {
  const std::string name = "wm-test-" + std::to_string(::getpid());
  const UniqueFd abstract = ListenAbstract(name);
  const std::string look =
      "cut -d: -sf1 /proc/net/dev | tr -d ' ' | grep -v -e Inter -e face | tr '\\n' ' '; echo\n"
      "tail -n +2 /proc/net/route | wc -l\n./attacker families\n./attacker abstract " +
      name;
  for (const std::string engine : kEngines) {
    if (!test::CanUse(engine)) continue;
    INFO(engine);
    test::IsolatedWorld world(engine);
    const auto proxy = world.Serve();
    const std::string open = world.Run(look).second;
    CHECK(LineWith(open, "families:").find(" 38") != std::string::npos);  // AF_ALG
    CHECK((LineWith(open, "reached") == "reached\n") == (engine == "namespace"));

    world.Isolate();
    const std::string out = world.Run(look).second;
    CHECK_THAT(out, Catch::StartsWith("lo "));
    CHECK(out.find("eth0") == std::string::npos);
    CHECK(SplitLines(out).at(1) == "0");
    CHECK(LineWith(out, "families:") == kFiltered);
    CHECK(LineWith(out, "Connection refused") == "Connection refused\n");
  }
}

TEST_CASE("Isolated: a further command in a running one has the same network and filter",
          "[isolated]") {
  for (const std::string engine : {"docker", "podman"}) {
    if (!test::CanUse(engine)) continue;
    INFO(engine);
    test::IsolatedWorld world(engine);
    const auto proxy = world.Serve();
    world.Isolate();
    test::PlanProcess first = world.Start("echo started; exec sleep 300");
    REQUIRE(first.ReadUntil("started"));
    const auto [code, out] = world.Attach(
        {"sh", "-c", "./attacker families; ./attacker echo 3128 1000; env | grep -c WM_R"});
    INFO(out);
    CHECK(out == std::string(kFiltered) + "echoed 1000 of 1000\n0\n");
    // Control: a command that the engine lets in by itself.
    SandboxSpec open = world.spec;
    open.network = SandboxNetwork::kOpen;
    test::PlanProcess plain(
        test::Must(world.backend().PlanAttach(
            open, std::vector<std::string>{"./attacker", "families"}, false, CurrentEnv())),
        false);
    plain.Wait();
    CHECK(plain.output().find(" 38") != std::string::npos);
  }
}

TEST_CASE("Isolated: the probe sees the network from inside and from outside", "[isolated]") {
  for (const std::string engine : kEngines) {
    if (!test::CanUse(engine)) continue;
    INFO(engine);
    test::IsolatedWorld world(engine);
    const auto proxy = world.Serve();
    for (const bool isolated : {false, true}) {
      INFO(isolated);
      if (isolated) world.Isolate();
      test::PlanProcess first = world.Start("echo started; exec sleep 300");
      REQUIRE(first.ReadUntil("started"));
      ExecPlan plan = test::Must(world.backend().PlanProbe(world.spec, CurrentEnv()));
      guest::v1::ProbeRequest request;
      request.set_network(true);
      PosixCommandRunner runner;
      const CommandResult result = test::Must(runner.Run({.argv = plan.argv,
                                                          .cwd = plan.cwd,
                                                          .env = plan.env,
                                                          .stdin_data = request.SerializeAsString(),
                                                          .files = plan.files},
                                                         {}));
      INFO(result.err);
      guest::v1::ProbeReport report;
      REQUIRE(report.ParseFromString(result.out));
      REQUIRE(report.has_network());
      const auto& network = report.network();
      int routed = 0;
      for (const auto& interface : network.interfaces())
        routed += interface.name() != "lo" && interface.routed() ? 1 : 0;
      CHECK((routed == 0) == isolated);
      for (const auto& process : report.processes()) {
        if (process.has_seccomp_filters() && engine == "namespace")
          CHECK((process.seccomp_filters() >= 2) == isolated);
      }
      if (engine != "namespace") CHECK((network.families_size() == 4) == isolated);
      world.backend().Release(world.spec.name).IgnoreError();
    }
  }
}

}  // namespace workmux::daemon
