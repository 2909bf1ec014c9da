// listener HOST ADDRESS TOKEN DIRECTORY: the daemon's own egress proxy with a TCP
// listener, as sandboxes behind a packet filter have it, with the daemon's resolver,
// dialer and log of decisions. Prints the port; ends with its standard input.
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <filesystem>
#include <string>

#include "common/log/log.h"
#include "common/process/posix_command_runner.h"
#include "daemon/adapters/egress/decision_log.h"
#include "daemon/adapters/egress/proxy_gateway.h"
#include "daemon/adapters/store/sqlite_store.h"
#include "daemon/async/thread_pool.h"
#include "daemon/domain/network_log.h"
#include "daemon/domain/session_directory.h"
#include "daemon/sys/process_limits.h"
#include "tests/bench/egress/target.h"

namespace workmux::bench {
namespace {

void Serve(const std::string& host, const std::string& address, const std::string& token,
           const std::filesystem::path& directory) {
  auto store = daemon::SqliteStore::Open(directory / "bench.db");
  if (!store.ok()) Die(store.status().ToString());
  daemon::ThreadPool executor("wm-work", 1, 4);
  daemon::SessionDirectory sessions;
  daemon::DecisionLog decisions;
  daemon::NetworkLog log(
      {.records = **store, .executor = executor, .directory = sessions, .followers = decisions});
  PosixCommandRunner runner;  // of credentials, which it has none of
  daemon::ProxyGateway gateway(log, runner);
  auto rule = egress::ParseHostRule(host, false);
  if (!rule.ok()) Die(rule.status().ToString());
  const auto port = gateway.Open("bench", {.token = Secret(token),
                                           .policy = {.rules = {*rule}},
                                           .socket = directory / "gate" / "proxy.sock",
                                           .tcp_address = address,
                                           .tcp_port = 0});
  if (!port.ok()) Die(port.status().ToString());
  std::printf("%d\n", *port);
  std::fflush(stdout);
  char byte;
  while (::read(STDIN_FILENO, &byte, 1) > 0) {
  }
  gateway.Close("bench");
}

int Main(int argc, char** argv) {
  if (argc != 5) Die("usage: listener HOST ADDRESS TOKEN DIRECTORY");
  std::signal(SIGPIPE, SIG_IGN);
  StartLogging(std::filesystem::path(argv[4]) / "bench.log", "info");
  daemon::RaiseDescriptorLimit();
  Serve(argv[1], argv[2], argv[3], argv[4]);
  return 0;
}

}  // namespace
}  // namespace workmux::bench

int main(int argc, char** argv) { return workmux::bench::Main(argc, argv); }
