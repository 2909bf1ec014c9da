#pragma once

#include <atomic>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "common/base/unique_fd.h"
#include "common/process/posix_command_runner.h"
#include "daemon/async/thread_pool.h"
#include "daemon/guest/socket_gates.h"
#include "daemon/ports/sandbox_backend.h"
#include "tests/integration/namespace/plan_process.h"
#include "tests/support/temp_dir.h"

namespace workmux::test {

// Sends back what each connection sends, until its end; also without one listener, as
// a daemon that is away.
class EchoServer {
 public:
  explicit EchoServer(UniqueFd listener);
  ~EchoServer();
  EchoServer(const EchoServer&) = delete;
  EchoServer& operator=(const EchoServer&) = delete;
  int connections() const { return connections_; }

 private:
  void Accept(const std::stop_token& stop);

  UniqueFd listener_;
  std::atomic<int> connections_ = 0;
  std::vector<std::jthread> peers_;
  std::jthread thread_;
};

// One sandbox of an engine, whose mounted directory of sockets holds the test's, and
// in whose worktree stands the program `attacker`.
class IsolatedWorld {
 public:
  explicit IsolatedWorld(const std::string& engine);
  ~IsolatedWorld();

  // As the planner has it.
  void Isolate(const std::string& relay = "3128=proxy.sock");
  // The same with a firewall that lets these ports of the engine's bridge through.
  void Wall(std::uint16_t proxy_port, std::uint16_t bridge_port = 0);
  // The gate where such a sandbox waits, until it has asked once; empty: for a firewall.
  void Open(daemon::FirewallGates::Apply apply = {});
  void Shut();
  // What a shell script in the sandbox prints (both streams), and how it ends.
  std::pair<int, std::string> Run(const std::string& script);
  PlanProcess Start(const std::string& script, bool terminal = false);
  // A further command in the one that runs.
  std::pair<int, std::string> Attach(const std::vector<std::string>& command);

  const std::filesystem::path& root() const { return root_; }
  std::filesystem::path socket() const { return root_ / "bridge/proxy.sock"; }
  std::unique_ptr<EchoServer> Serve() const;

  daemon::SandboxBackend& backend() { return *backend_; }
  daemon::SandboxSpec spec;

 private:
  daemon::EventLoop loop_;
  daemon::ThreadPool executor_{"test", 1, 2};
  daemon::SocketGates gates_{loop_, executor_};
  PosixCommandRunner runner_;
  TempDir dir_;
  std::filesystem::path root_;
  std::unique_ptr<daemon::SandboxBackend> backend_;
};

// Addresses of this host's interfaces but loopback.
std::vector<std::string> HostAddresses();

}  // namespace workmux::test
