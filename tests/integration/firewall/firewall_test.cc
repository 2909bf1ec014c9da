#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/io/socket.h"
#include "tests/integration/isolated/isolated_world.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"
#include "tests/support/wait_until.h"
#include "tests/support/workmux_world.h"

namespace workmux::daemon {
namespace {

// Rootless engines have none. Root's Podman is the test's that runs as root.
std::string Engine() {
  for (const auto& [name, value] : test::PodmanEnv()) ::setenv(name.c_str(), value.c_str(), 1);
  return ::geteuid() == 0 ? "podman" : "docker";
}

// Podman's bridge comes with the first container on this machine.
bool CanRun() {
  if (!test::CanUse(Engine())) return false;
  const std::string line = Format("podman run --rm {} true", test::TestImage());
  return Engine() == "docker" || std::system(line.c_str()) == 0;
}

// A sandbox with a firewall around it, and what stands for the daemon's two ports. On the
// bridge's address and on all others of the host there are servers that it must not reach.
struct Walled {
  explicit Walled(const std::string& engine)
      : world(engine), address(test::Must(world.backend().FirewallAddress(CurrentEnv()))) {}

  void Wall() {
    world.Wall(proxy_port, bridge_port);
    world.Open();
  }
  void WithoutWall() {
    world.spec.network = SandboxNetwork::kOpen;
    world.spec.env.erase("WM_FIREWALL");
    world.spec.env.erase("WM_RESTRICTED");
  }
  std::pair<int, std::string> RunWalled(const std::string& script) {
    Wall();
    return world.Run(script);
  }

  test::IsolatedWorld world;
  std::string address;
  UniqueFd proxy_listener = test::Must(ListenTcp(address, 0));
  std::uint16_t proxy_port = test::Must(LocalPort(proxy_listener.get()));
  test::EchoServer proxy{std::move(proxy_listener)};
  UniqueFd bridge_listener = test::Must(ListenTcp(address, 0));
  std::uint16_t bridge_port = test::Must(LocalPort(bridge_listener.get()));
  test::EchoServer bridge{std::move(bridge_listener)};
  // Another service of the host's, on all its addresses.
  UniqueFd other_listener = test::Must(ListenTcp("0.0.0.0", 0));
  std::uint16_t other_port = test::Must(LocalPort(other_listener.get()));
  test::EchoServer other{std::move(other_listener)};
};

bool Shell(const std::string& line) { return std::system(line.c_str()) == 0; }

// An image of the test's own, gone with it.
class Variant {
 public:
  explicit Variant(std::string base) : base_(std::move(base)) {}
  ~Variant() { Shell(Format("{} rmi -f {} >/dev/null", Engine(), name)); }
  // A Dockerfile's line.
  void Make(const std::string& line) {
    const test::TempDir context;
    test::WriteFile(context / "Dockerfile", Format("FROM {}\n{}\n", base_, line));
    REQUIRE(
        Shell(Format("{} build -q -t {} {} >/dev/null", Engine(), name, context.path().native())));
  }
  const std::string name = "workmux-test-firewall:" + std::to_string(::getpid());

 private:
  const std::string base_;
};

int PacketsAt(const UniqueFd& socket) {
  char byte = 0;
  int packets = 0;
  while (::recv(socket.get(), &byte, 1, MSG_DONTWAIT) >= 0) ++packets;
  return packets;
}

UniqueFd UdpServer(const std::string& address, std::uint16_t& port) {
  // The port that the kernel has free for TCP serves as well.
  const UniqueFd chooses = test::Must(ListenTcp(address, 0));
  port = test::Must(LocalPort(chooses.get()));
  sockaddr_in here{};
  here.sin_family = AF_INET;
  here.sin_port = htons(port);
  REQUIRE(::inet_pton(AF_INET, address.c_str(), &here.sin_addr) == 1);
  UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  REQUIRE(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&here), sizeof(here)) == 0);
  return socket;
}

}  // namespace

// Control: root's engine gives one.
TEST_CASE("Firewall: a rootless engine is refused with what it can do instead", "[firewall]") {
  if (::geteuid() == 0) {
    if (CanRun()) CHECK_OK(test::IsolatedWorld("podman").backend().FirewallAddress(CurrentEnv()));
    return;
  }
  if (!test::CanUse("podman")) return;
  test::IsolatedWorld world("podman");
  const absl::Status refused = world.backend().FirewallAddress(CurrentEnv()).status();
  CHECK(ReasonOf(refused) == "NETWORK_NOT_RESTRICTABLE");
  CHECK(HintOf(refused) == "Set sandbox.network.enforcement: isolated.");
}

// Control: the same sandbox with an open network reaches every server of the host's.
TEST_CASE("Firewall: proxy and bridge are the only ports of the host that answer", "[firewall]") {
  if (!CanRun()) return;
  Walled walled(Engine());
  const std::string scan = Format("./attacker sweep {}\n", walled.address);
  const std::string three =
      Format("{} {} {}", walled.proxy_port, walled.bridge_port, walled.other_port);
  CHECK(walled.world.Run(Format("./attacker sweep {} {}", walled.address, three)).second ==
        "open: " + three + "\n");
  CHECK(walled.other.connections() > 0);
  const int before = walled.other.connections();

  std::string reach;
  for (const std::string& address : test::HostAddresses())
    reach += Format("./attacker reach {} {}\n", address, walled.other_port);
  const auto [code, out] = walled.RunWalled(scan + reach);
  const auto [low, high] = std::minmax(walled.proxy_port, walled.bridge_port);
  const std::vector<std::string> lines = SplitLines(out);
  REQUIRE_FALSE(lines.empty());
  CHECK(lines[0] == Format("open: {} {}", low, high));
  CHECK(out.find("reached") == std::string::npos);
  CHECK(walled.other.connections() == before);
}

// Control: without it the datagrams arrive, at the host's server and at the sandbox's own.
TEST_CASE("Firewall: no datagram leaves, and no name is asked for on loopback either",
          "[firewall]") {
  if (!CanRun()) return;
  Walled walled(Engine());
  std::uint16_t port = 0;
  const UniqueFd server = UdpServer(walled.address, port);
  // For a server of its own on port 53.
  walled.world.spec.container.cap_add = {"NET_BIND_SERVICE"};
  walled.world.spec.uid = walled.world.spec.gid = 0;
  const std::string tries = Format(
      "./attacker send {} {} x; ./attacker dns 53; ./attacker dns 5353\n", walled.address, port);
  CHECK(walled.world.Run(tries).second == "sent\nreached\nreached\n");
  CHECK(PacketsAt(server) == 1);

  const auto [code, out] = walled.RunWalled(
      tries +
      "for to in 127.0.0.11 127.0.0.53 198.51.100.1 2001:db8::1 ::1 fe80::1 255.255.255.255; "
      "do ./attacker send $to 53 x; done; getent hosts www.example.com || echo no name");
  INFO(out);
  CHECK_THAT(out, Catch::StartsWith("Operation not permitted\nOperation not permitted\nreached\n"));
  CHECK(out.find("sent") == std::string::npos);
  CHECK_THAT(out, Catch::EndsWith("no name\n"));
  CHECK(PacketsAt(server) == 0);
}

// Control: without it there are raw sockets for who has the capability, and interfaces
// with IPv6 where the engine gives them.
TEST_CASE("Firewall: no raw or packet socket, no other family, no IPv6", "[firewall]") {
  if (!CanRun()) return;
  Walled walled(Engine());
  const std::string look =
      "./attacker raw; ./attacker families; cat /proc/net/if_inet6 | wc -l; "
      "cat /proc/sys/net/ipv6/conf/all/disable_ipv6";
  walled.world.spec.container.cap_add = {"NET_RAW"};
  walled.world.spec.uid = walled.world.spec.gid = 0;
  CHECK_THAT(walled.world.Run(look).second, Catch::Contains("raw: reached"));
  // Even with it: the families are the filter's.
  walled.Wall();
  const std::string with = walled.world.Run(look).second;
  CHECK_THAT(with, Catch::Contains("packet: Address family not supported by protocol"));
  walled.world.spec.container.cap_add.clear();
  const std::string out = walled.RunWalled(look).second;
  INFO(out);
  CHECK_THAT(out, Catch::StartsWith("raw: Operation not permitted; raw6: Operation not permitted; "
                                    "packet: Address family not supported by protocol\n"
                                    "families: 1 2 10 16;"));
  CHECK_THAT(out, Catch::EndsWith("0\n1\n"));
}

// Control: a helper with the capability that flushes the same rules does open the network.
TEST_CASE("Firewall: neither the first nor a further command can take it away", "[firewall]") {
  if (!CanRun()) return;
  Walled walled(Engine());
  const std::string flush =
      "grep -h -e CapBnd -e CapEff -e NoNewPrivs /proc/self/status /proc/1/status | sort -u\n"
      "for t in iptables ip6tables; do $t -F 2>/dev/null && echo flushed; "
      "$t -P OUTPUT ACCEPT 2>/dev/null && echo accepted; done\n"
      "unshare --user --map-root-user iptables -F 2>/dev/null && echo mapped\n" +
      Format("./attacker reach {} {}\n", walled.address, walled.other_port);
  const std::string held =
      "CapBnd:\t0000000000000000\nCapEff:\t0000000000000000\nNoNewPrivs:\t1\n"
      "Connection refused\n";
  // Root inside has no more than another.
  for (const uid_t user : {uid_t{1000}, uid_t{0}}) {
    INFO(user);
    walled.world.spec.uid = walled.world.spec.gid = user;
    CHECK(walled.RunWalled(flush).second == held);
  }
  walled.Wall();
  test::PlanProcess first = walled.world.Start("echo started; exec sleep 300");
  REQUIRE(first.ReadUntil("started"));
  CHECK(walled.world.Attach({"sh", "-c", flush + "env | grep -c -e WM_FIRE -e WM_RESTR"}).second ==
        held + "0\n");

  const std::string flushed = Format(
      "{} run --rm --network container:{} --cap-add NET_ADMIN --user 0:0 --entrypoint sh {} "
      "-c 'iptables -F; iptables -P OUTPUT ACCEPT; iptables -P INPUT ACCEPT'",
      Engine(), walled.world.spec.name, walled.world.spec.image);
  REQUIRE(Shell(flushed));
  CHECK(
      walled.world.Attach({"./attacker", "reach", walled.address, Format("{}", walled.other_port)})
          .second.find("the network is not restricted") != std::string::npos);
  SandboxSpec open = walled.world.spec;
  open.network = SandboxNetwork::kOpen;
  test::PlanProcess plain(test::Must(walled.world.backend().PlanAttach(
                              open,
                              std::vector<std::string>{"./attacker", "reach", walled.address,
                                                       Format("{}", walled.other_port)},
                              false, CurrentEnv())),
                          false);
  plain.Wait();
  CHECK(plain.output() == "reached\n");
}

TEST_CASE("Firewall: supplementary groups are kept", "[firewall]") {
  if (!CanRun()) return;
  Walled walled(Engine());
  walled.world.spec.container.group_add = {"4242"};
  CHECK_THAT(walled.RunWalled("id -G").second, Catch::Contains(" 4242"));
}

// Control: each command runs when its firewall comes.
TEST_CASE("Firewall: nothing runs until it is up, whatever goes wrong", "[firewall]") {
  if (!CanRun()) return;
  Walled walled(Engine());
  const auto ran = [&] { return std::filesystem::exists(walled.world.spec.worktree / "ran"); };
  const auto refused = [&](const FirewallGates::Apply& apply, const std::string& why) {
    INFO(why);
    walled.world.Wall(walled.proxy_port, walled.bridge_port);
    walled.world.Open(apply);
    const auto [code, out] = walled.world.Run("touch ran");
    CHECK(code == 125);
    CHECK_THAT(out, Catch::Contains("workmux: ") && Catch::Contains(why) &&
                        Catch::Contains("; the command was not started\n"));
    CHECK_FALSE(ran());
  };
  // A host that says no, one that says yes and has done nothing, and one that is away.
  refused([] { return absl::FailedPreconditionError("made up"); }, "made up");
  refused([] { return absl::OkStatus(); }, "the network is not restricted");
  walled.world.Wall(walled.proxy_port);
  walled.world.Shut();
  const auto [code, out] = walled.world.Run("touch ran");
  CHECK(code == 125);
  CHECK_THAT(out, Catch::Contains("no host waits to put the firewall up"));
  CHECK_FALSE(ran());
  // A proxy that is not there.
  walled.world.Wall(1);
  walled.world.Open();
  const auto unreached = walled.world.Run("touch ran");
  CHECK(unreached.first == 125);
  CHECK_THAT(unreached.second, Catch::Contains("port 1 of " + walled.address + " is not reached") &&
                                   Catch::Contains("hint: "));
  CHECK_FALSE(ran());

  CHECK(walled.RunWalled("touch ran").first == 0);
  CHECK(ran());
}

// Control: with the image's own programs the command runs.
TEST_CASE("Firewall: each of the image's programs that is missing, fails or lies is noticed",
          "[firewall]") {
  if (!CanRun()) return;
  Walled walled(Engine());
  const std::string base = walled.world.spec.image;
  struct Case {
    std::string recipe;  // a Dockerfile's RUN
    std::string why;
  };
  const Case cases[] = {
      {"rm /usr/sbin/iptables-restore", "the image has no iptables-restore"},
      {"rm /usr/sbin/ip6tables-restore", "the image has no ip6tables-restore"},
      {"rm /usr/sbin/iptables-save", "the image has no iptables-save"},
      {"rm /usr/sbin/ip6tables-save", "the image has no ip6tables-save"},
      {"ln -sf /bin/false /usr/sbin/iptables-restore", "iptables-restore failed"},
      {"ln -sf /bin/true /usr/sbin/iptables-restore", "iptables: the rules read back differ"},
      {"ln -sf /bin/false /usr/sbin/ip6tables-restore", "ip6tables-restore failed"},
      {"ln -sf /bin/true /usr/sbin/ip6tables-restore", "ip6tables: the rules read back differ"},
      {"ln -sf /bin/true /usr/sbin/iptables-save", "iptables: the rules read back differ"},
      {"ln -sf /bin/false /usr/sbin/ip6tables-save", "ip6tables-save failed"},
  };
  Variant variant(base);
  for (const Case& one : cases) {
    INFO(one.recipe);
    variant.Make("RUN " + one.recipe);
    walled.world.spec.image = variant.name;
    const auto [code, out] = walled.RunWalled("touch ran");
    CHECK(code == 125);
    CHECK_THAT(out, Catch::Contains(one.why) && Catch::Contains("hint: ") &&
                        Catch::Contains("sandbox.network.enforcement: isolated"));
    CHECK_FALSE(std::filesystem::exists(walled.world.spec.worktree / "ran"));
  }
  walled.world.spec.image = base;
  CHECK(walled.RunWalled("touch ran").first == 0);
}

// Control: an open one runs the image's program, with the whole network.
TEST_CASE("Firewall: what the image starts by itself does not run", "[firewall]") {
  if (!CanRun()) return;
  Walled walled(Engine());
  const std::string base = walled.world.spec.image;
  Variant variant(base);
  variant.Make("ENTRYPOINT [\"/bin/sh\", \"-c\", \"touch entered; exec \\\"$@\\\"\", \"sh\"]");
  walled.world.spec.image = variant.name;
  const auto entered = [&] {
    return std::filesystem::remove(walled.world.spec.worktree / "entered");
  };
  CHECK(walled.world.Run("true").first == 0);
  CHECK(entered());
  CHECK(walled.RunWalled("true").first == 0);
  CHECK_FALSE(entered());
}

TEST_CASE("Firewall: a container that is started again waits for another one in vain",
          "[firewall]") {
  if (!CanRun()) return;
  Walled walled(Engine());
  walled.Wall();
  test::PlanProcess first = walled.world.Start("echo started >> starts; exec sleep 300");
  REQUIRE(test::WaitUntil(
      [&] { return std::filesystem::exists(walled.world.spec.worktree / "starts"); }));
  const std::string name = walled.world.spec.name;
  REQUIRE(Shell(Format("{} restart -t 0 {} >/dev/null", Engine(), name)));
  CHECK(Shell(Format("test $({} wait {}) = 125", Engine(), name)));
  CHECK(test::ReadWholeFile(walled.world.spec.worktree / "starts") == "started\n");
}

}  // namespace workmux::daemon
