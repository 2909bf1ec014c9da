#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <iostream>
#include <sstream>

#include "common/io/socket.h"
#include "tests/e2e/sessions/engine.h"
#include "tests/support/catch.h"
#include "tests/support/status_matchers.h"
#include "tests/support/wait_until.h"

namespace workmux::test {

using Catch::Contains;

namespace {

std::unique_ptr<Program> StartSleeper(WorkmuxWorld& world) {
  auto program =
      world.Start({"sandbox", "run", ".", "--", "sh", "-c", "echo inside; exec sleep 1000"});
  if (!program->Prints("inside")) FAIL(program->err());
  return program;
}

// A service manager's end of NOTIFY_SOCKET.
class NotifySocket {
 public:
  explicit NotifySocket(const std::filesystem::path& path)
      : fd_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.native().copy(address.sun_path, sizeof address.sun_path - 1);
    REQUIRE(::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  }
  // Everything that has come, separated by newlines.
  std::string Received() {
    char buffer[256];
    for (ssize_t n = 0; (n = ::recv(fd_.get(), buffer, sizeof buffer, MSG_DONTWAIT)) > 0;) {
      text_.append(buffer, static_cast<std::size_t>(n)).append("\n");
    }
    return text_;
  }

 private:
  UniqueFd fd_;
  std::string text_;
};

// Starts workmuxd as systemd would, with a listening socket as descriptor 3.
pid_t StartActivated(WorkmuxWorld& world, const UniqueFd& listener, const std::string& notify) {
  Env env = world.env();
  env["LISTEN_FDS"] = "1";
  env["NOTIFY_SOCKET"] = notify;
  std::vector<std::string> variables;
  for (const auto& [name, value] : env) variables.push_back(name + "=" + value);
  std::vector<char*> pointers;
  for (auto& variable : variables) pointers.push_back(variable.data());
  pointers.push_back(nullptr);
  const std::string program = WorkmuxWorld::daemon_program();
  const pid_t pid = ::fork();
  if (pid != 0) return pid;
  ::setsid();
  if (listener.get() == 3) {
    ::fcntl(3, F_SETFD, 0);
  } else {
    ::dup2(listener.get(), 3);
  }
  // Only the process itself knows the number that LISTEN_PID must name.
  ::execle("/bin/sh", "sh", "-c", "LISTEN_PID=$$ exec \"$0\"", program.c_str(), nullptr,
           pointers.data());
  ::_exit(127);
}

}  // namespace

TEST_CASE(
    "Daemon service: a passed socket is served, readiness is told, SIGTERM ends it and no "
    "sandbox") {
  if (!HaveBubblewrap()) return;
  WorkmuxWorld world(ConfigFor(Engine::kNamespace));
  world.env()["WORKMUX_NO_SPAWN"] = "1";
  std::filesystem::create_directories(world.socket().parent_path());
  std::filesystem::permissions(world.socket().parent_path(), std::filesystem::perms::owner_all);
  const UniqueFd listener = Must(ListenUnix(world.socket()));
  NotifySocket notify(world.area() / "notify");

  const pid_t pid = StartActivated(world, listener, world.area() / "notify");
  // The socket listens, so a client that is early waits instead of failing.
  world.Must({"daemon", "status"});
  CHECK(WaitUntil([&] { return notify.Received() == "READY=1\n"; }));
  auto sandbox = StartSleeper(world);
  REQUIRE(OpenSessions(world) == 1);

  ::kill(pid, SIGTERM);
  int status = 0;
  REQUIRE(WaitUntil([&] { return ::waitpid(pid, &status, WNOHANG) == pid; }));
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
  CHECK(notify.Received() == "READY=1\nSTOPPING=1\n");
  CHECK(std::filesystem::exists(world.socket()));  // the service manager's
  CHECK_FALSE(sandbox->Ended());

  const pid_t next = StartActivated(world, listener, world.area() / "notify");
  CHECK(WaitUntil([&] { return OpenSessions(world) == 1; }));
  world.Must({"daemon", "stop", "--sandboxes"});
  CHECK(::waitpid(next, nullptr, 0) == next);
  CHECK(sandbox->Wait() != -1);
  CHECK(LivingSandboxes(world, Engine::kNamespace).empty());
}

TEST_CASE("Daemon service: a socket of systemd-socket-activate is taken, with who came first") {
  const std::string tool = "/usr/bin/systemd-socket-activate";
  if (!std::filesystem::exists(tool)) {
    std::cout << "SKIPPED: systemd-socket-activate is not installed\n";
    return;
  }
  WorkmuxWorld world;
  world.env()["WORKMUX_NO_SPAWN"] = "1";
  std::filesystem::create_directories(world.socket().parent_path());
  std::filesystem::permissions(world.socket().parent_path(), std::filesystem::perms::owner_all);
  std::vector<std::string> argv = {tool, "--listen=" + world.socket().string()};
  for (const auto& [name, value] : world.env()) argv.push_back("--setenv=" + name + "=" + value);
  argv.push_back(WorkmuxWorld::daemon_program().string());
  auto service = world.StartCommand(argv);
  INFO(service->err());
  REQUIRE(WaitUntil([&] { return std::filesystem::exists(world.socket()); }));
  const auto is_daemon = [&] {
    return CommandLine(service->pid()) == WorkmuxWorld::daemon_program().string();
  };
  CHECK_FALSE(is_daemon());
  // The first connection is what starts it.
  world.Must({"list"});
  CHECK(is_daemon());
  world.Must({"daemon", "stop"});
  CHECK(service->Wait() == 0);
  CHECK(std::filesystem::exists(world.socket()));
}

TEST_CASE(
    "Daemon service: after its runtime directory was wiped it can be reached, also by guests") {
  if (!HaveBubblewrap()) return;
  WorkmuxWorld world(ConfigFor(Engine::kNamespace));
  const std::string heartbeat = "workmux heartbeat >/dev/null 2>&1 && echo ";
  // Where only the socket is left to a guest.
  const std::string by_socket = "WM_RPC_HOST=127.0.0.1 WM_RPC_PORT=1 " + heartbeat;
  auto old = world.Start({"sandbox", "run", ".", "--", "sh", "-c",
                          by_socket + "old-by-socket; while [ ! -e go ]; do sleep 0.05; done; " +
                              heartbeat + "old-by-tcp; echo end; exec sleep 1000"});
  REQUIRE(old->Prints("old-by-socket"));
  const pid_t daemon = world.Daemon();
  world.env()["WORKMUX_NO_SPAWN"] = "1";
  std::filesystem::remove_all(world.runtime() / "workmux");
  REQUIRE(WaitUntil([&] { return OpenSessions(world) == 1; }, std::chrono::seconds(20)));
  CHECK(world.Daemon() == daemon);
  CHECK((std::filesystem::status(world.socket().parent_path()).permissions() &
         std::filesystem::perms::mask) == std::filesystem::perms::owner_all);

  // Its own socket went with the directory; its port did not.
  Touch(world.repo() / "go");
  REQUIRE(old->Prints("end"));
  CHECK_THAT(old->out(), Contains("old-by-tcp"));
  const CommandResult next =
      world.Run({"sandbox", "run", ".", "--", "sh", "-c", by_socket + "new-by-socket"});
  CHECK_THAT(next.out, Contains("new-by-socket"));
}

TEST_CASE("Daemon service: it raises its limit of descriptors") {
  WorkmuxWorld world;
  CHECK(
      world.RunCommand({"bash", "-c", "ulimit -Sn 256; exec workmux daemon start"}, {}).exit.ok());
  const std::string limits =
      ReadWholeFile(std::filesystem::path("/proc") / std::to_string(world.Daemon()) / "limits");
  const std::string line = limits.substr(limits.find("Max open files"));
  std::istringstream words(line.substr(14));
  long long soft = 0;
  long long hard = 0;
  words >> soft >> hard;
  CHECK(soft == std::min<long long>(16384, hard));
}

TEST_CASE("Daemon service: status, start, stop, restart and logs do what they say") {
  WorkmuxWorld world;
  const CommandResult none = world.Run({"daemon", "status"});
  CHECK(none.exit.code == 1);
  CHECK_THAT(none.out, Contains("workmuxd is not running"));
  CHECK(world.Run({"daemon", "status", "--json"}).out == "null\n");
  CHECK(world.Daemons().empty());
  CHECK_THAT(world.Must({"daemon", "stop"}), Contains("was not running"));

  CHECK_THAT(world.Must({"daemon", "start"}), Contains("is running"));
  const pid_t first = world.Daemon();
  CHECK_THAT(world.Must({"daemon", "status"}),
             Contains("pid " + std::to_string(first)) && Contains(world.socket().string()));
  world.Must({"daemon", "start"});
  CHECK(world.Daemon() == first);

  CHECK_THAT(world.Must({"daemon", "restart"}), Contains("was restarted"));
  const pid_t second = world.Daemon();
  CHECK(second != first);
  CHECK_THAT(world.Must({"daemon", "logs"}), Contains("pid " + std::to_string(second)));
  CHECK_THAT(world.Must({"daemon", "logs", "-n", "1"}), !Contains("\n"));

  CHECK_THAT(world.Must({"daemon", "stop"}), Contains("stopped workmuxd"));
  CHECK(world.Daemons().empty());
  CHECK_FALSE(std::filesystem::exists(world.socket()));
  // What the user stopped comes back when the user asks for something.
  world.Must({"list"});
  CHECK(world.Daemon() != 0);
}

TEST_CASE(
    "Daemon service: stop ends no sandbox and a waiting client does not bring the daemon back") {
  if (!HaveBubblewrap()) return;
  WorkmuxWorld world(ConfigFor(Engine::kNamespace));
  auto sandbox = StartSleeper(world);
  CHECK_THAT(world.Must({"daemon", "stop"}), Contains("running sandboxes go on"));
  // The client tries again after one second.
  CHECK_FALSE(WaitUntil([&] { return !world.Daemons().empty(); }, std::chrono::milliseconds(2500)));
  CHECK_FALSE(sandbox->Ended());
  world.Must({"daemon", "start"});
  CHECK(OpenSessions(world) == 1);
}

TEST_CASE("Daemon service: stop --sandboxes ends them, and their clients say who did") {
  if (!HaveBubblewrap()) return;
  WorkmuxWorld world(ConfigFor(Engine::kNamespace));
  auto sandbox = StartSleeper(world);
  world.Must({"daemon", "stop", "--sandboxes"});
  CHECK(sandbox->Wait(std::chrono::seconds(10)) == 125);
  CHECK_THAT(sandbox->err(), Contains("the daemon ended the sandbox"));
  CHECK(LivingSandboxes(world, Engine::kNamespace).empty());
}

TEST_CASE("Daemon service: a client that waits brings a killed daemon back and keeps its lease") {
  if (!HaveBubblewrap()) return;
  WorkmuxWorld world(ConfigFor(Engine::kNamespace));
  auto sandbox = StartSleeper(world);
  world.KillDaemon();
  CHECK(WaitUntil([&] { return OpenSessions(world) == 1; }));
  CHECK_FALSE(sandbox->Ended());
  world.Must({"daemon", "restart"});
  CHECK(OpenSessions(world) == 1);
  world.Must({"status"});
  CHECK_FALSE(sandbox->Ended());
  sandbox->Signal(SIGTERM);
  CHECK(sandbox->Wait() > 128);
  CHECK(WaitUntil([&] { return OpenSessions(world) == 0; }));
}

TEST_CASE("Daemon service: guests that leave their answers unread do not delay the end") {
  if (!HaveBubblewrap()) return;
  WorkmuxWorld world(ConfigFor(Engine::kNamespace));
  auto sandbox = StartSleeper(world);
  std::filesystem::path bridge;
  for (const auto& session : std::filesystem::directory_iterator(world.runtime() / "workmux/s")) {
    bridge = session.path() / "bridge.sock";
  }
  const UniqueFd connection = Must(ConnectUnix(bridge));
  REQUIRE(::fcntl(connection.get(), F_SETFL, O_NONBLOCK) == 0);
  // RFC 9113: the preface, then SETTINGS frames, each of which is acknowledged.
  std::string flood = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
  for (int i = 0; i < 10'000; ++i) flood.append("\0\0\0\4\0\0\0\0\0", 9);
  const std::string_view frames = std::string_view(flood).substr(24);
  std::size_t sent = 0;
  REQUIRE(::write(connection.get(), flood.data(), 24) == 24);
  // Until the daemon stops to read, which it does when it cannot write.
  WaitUntil(
      [&] {
        const ssize_t n = ::write(connection.get(), frames.data(), frames.size());
        sent += n > 0 ? static_cast<std::size_t>(n) : 0;
        return sent > (64u << 20);
      },
      std::chrono::seconds(2));
  CHECK(sent > frames.size());
  const auto before = std::chrono::steady_clock::now();
  world.Must({"daemon", "stop"});
  CHECK(std::chrono::steady_clock::now() - before < std::chrono::seconds(10));
}

}  // namespace workmux::test
