#include "tests/integration/isolated/isolated_world.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>

#include "common/io/socket.h"
#include "daemon/adapters/container/container_backend.h"
#include "daemon/adapters/namespace/namespace_backend.h"
#include "tests/support/build_tree.h"
#include "tests/support/status_matchers.h"
#include "tests/support/workmux_world.h"

namespace workmux::test {
namespace {

namespace fs = std::filesystem;

constexpr int kTurn = 50;  // ms between looks at the stop token
constexpr uid_t kOrdinary = 65534;

class NoProgress : public daemon::ProgressSink {
 public:
  void Step(std::string_view, std::string_view) override {}
  void Warn(std::string_view) override {}
  void Output(std::string_view, bool) override {}
};

void Echo(const UniqueFd& peer, const std::stop_token& stop) {
  std::vector<char> buffer(65536);
  while (!stop.stop_requested()) {
    pollfd ready{.fd = peer.get(), .events = POLLIN, .revents = 0};
    if (::poll(&ready, 1, kTurn) != 1) continue;
    const ssize_t got = ::recv(peer.get(), buffer.data(), buffer.size(), 0);
    if (got <= 0) return;
    for (ssize_t at = 0; at < got;) {
      const ssize_t sent =
          ::send(peer.get(), buffer.data() + at, static_cast<std::size_t>(got - at), MSG_NOSIGNAL);
      if (sent <= 0) return;
      at += sent;
    }
  }
}

std::unique_ptr<daemon::SandboxBackend> MakeBackend(CommandRunner& runner,
                                                    const std::string& engine,
                                                    const fs::path& gate_dir) {
  if (engine == "namespace") {
    return std::make_unique<daemon::NamespaceBackend>(
        runner, Env{{"PATH", "/usr/local/bin:/usr/bin:/bin"}}, BinaryDir() / "lib/workmux/guest");
  }
  Env env = CurrentEnv();
  if (engine == "podman") {
    for (const auto& [name, value] : PodmanEnv()) env[name] = value;
  }
  return std::make_unique<daemon::ContainerBackend>(runner, Must(daemon::RuntimeTraitsFor(engine)),
                                                    env, "test", gate_dir);
}

}  // namespace

EchoServer::EchoServer(UniqueFd listener)
    : listener_(std::move(listener)), thread_([this](std::stop_token stop) { Accept(stop); }) {}

EchoServer::~EchoServer() {
  thread_.request_stop();
  thread_.join();
}

void EchoServer::Accept(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    pollfd ready{.fd = listener_.get(), .events = POLLIN, .revents = 0};
    if (::poll(&ready, 1, kTurn) != 1) continue;
    UniqueFd peer(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!peer.valid()) continue;
    ++connections_;
    peers_.emplace_back([peer = std::move(peer)](std::stop_token stops) { Echo(peer, stops); });
  }
}

IsolatedWorld::IsolatedWorld(const std::string& engine)
    : root_(fs::canonical(dir_.path())), backend_(MakeBackend(runner_, engine, root_ / "start")) {
  static int count = 0;
  spec.name = "wm-test-net-" + std::to_string(::getpid()) + "-" + std::to_string(++count);
  spec.session_id = "session-" + std::to_string(count);
  spec.instance = "test";
  spec.worktree = root_ / "wt";
  spec.cwd = spec.worktree;
  spec.home = engine == "namespace" ? root_ / "home" : fs::path("/tmp");
  for (const char* made : {"wt", "bridge", "home"}) fs::create_directories(root_ / made);
  ::chmod(root_.c_str(), 0755);
  ::chmod(spec.worktree.c_str(), 0777);
  fs::copy_file(BinaryDir() / "tests/attacker", spec.worktree / "attacker");
  spec.mounts = {{spec.worktree, spec.worktree, true},
                 {BinaryDir() / "lib/workmux/guest", "/run/workmux/bin", false},
                 {root_ / "bridge", "/run/workmux/bridge", false}};
  spec.env = {{"PATH", "/usr/local/bin:/usr/bin:/bin"}, {"HOME", spec.home.native()}};
  spec.agent = "test";
  spec.image = TestImage();
  const bool stands_in = engine != "namespace" && ::geteuid() == 0;
  spec.uid = stands_in ? kOrdinary : ::geteuid();
  spec.gid = stands_in ? kOrdinary : ::getegid();
}

IsolatedWorld::~IsolatedWorld() { backend_->Release(spec.name).IgnoreError(); }

void IsolatedWorld::Isolate(const std::string& relay) {
  spec.network = daemon::SandboxNetwork::kIsolated;
  spec.env["WM_RESTRICTED"] = "1";
  spec.env["WM_RELAY"] = relay;
}

void IsolatedWorld::Wall(std::uint16_t proxy_port, std::uint16_t bridge_port) {
  spec.network = daemon::SandboxNetwork::kFirewalled;
  spec.firewall = {.address = Must(backend_->FirewallAddress(CurrentEnv())),
                   .proxy_port = proxy_port,
                   .bridge_port = bridge_port};
  spec.env["WM_RESTRICTED"] = "1";
  spec.env["WM_FIREWALL"] = spec.firewall.address;
}

void IsolatedWorld::Open(daemon::FirewallGates::Apply apply) {
  Shut();
  if (!apply) apply = [this] { return backend_->ApplyFirewall(spec); };
  const fs::path socket = root_ / "bridge/firewall.sock";
  REQUIRE_OK(gates_.Open(spec.session_id, socket, std::move(apply)));
  // For whomever a test lets in as.
  ::chmod(socket.c_str(), 0666);
  ::chmod((root_ / "bridge").c_str(), 0755);
}

void IsolatedWorld::Shut() {
  gates_.Close(spec.session_id);
  // The gate takes an empty directory with it.
  fs::create_directory(root_ / "bridge");
  ::chmod((root_ / "bridge").c_str(), 0700);
}

PlanProcess IsolatedWorld::Start(const std::string& script, bool terminal) {
  spec.argv = {"/run/workmux/bin/workmux", "enter", "sh", "-c", "exec 2>&1\n" + script};
  NoProgress progress;
  REQUIRE_OK(backend_->Prepare(spec, progress, {}));
  daemon::ExecPlan plan = Must(backend_->PlanRun(spec, CurrentEnv()));
  if (!plan.env.contains("PATH")) plan.env["PATH"] = "/usr/local/bin:/usr/bin:/bin";
  return PlanProcess(plan, terminal);
}

std::pair<int, std::string> IsolatedWorld::Run(const std::string& script) {
  PlanProcess process = Start(script);
  const int code = process.Wait().ShellCode();
  UNSCOPED_INFO(process.output());
  backend_->Release(spec.name).IgnoreError();
  return {code, process.output()};
}

std::pair<int, std::string> IsolatedWorld::Attach(const std::vector<std::string>& command) {
  PlanProcess process(Must(backend_->PlanAttach(spec, command, false, CurrentEnv())), false);
  const int code = process.Wait().ShellCode();
  return {code, process.output()};
}

std::unique_ptr<EchoServer> IsolatedWorld::Serve() const {
  UniqueFd listener = Must(ListenUnix(socket()));
  // Where root tests stand for an ordinary user.
  if (::geteuid() == 0) ::chmod(socket().c_str(), 0666);
  return std::make_unique<EchoServer>(std::move(listener));
}

std::vector<std::string> HostAddresses() {
  std::vector<std::string> addresses;
  ifaddrs* all = nullptr;
  REQUIRE(::getifaddrs(&all) == 0);
  for (const ifaddrs* one = all; one != nullptr; one = one->ifa_next) {
    const bool usable = one->ifa_addr != nullptr && one->ifa_addr->sa_family == AF_INET &&
                        (one->ifa_flags & IFF_LOOPBACK) == 0;
    if (!usable) continue;
    std::array<char, INET_ADDRSTRLEN> text;
    const auto* address = reinterpret_cast<const sockaddr_in*>(one->ifa_addr);
    ::inet_ntop(AF_INET, &address->sin_addr, text.data(), text.size());
    addresses.emplace_back(text.data());
  }
  ::freeifaddrs(all);
  return addresses;
}

}  // namespace workmux::test
