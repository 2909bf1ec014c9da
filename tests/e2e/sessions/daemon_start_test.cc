#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <iostream>
#include <set>

#include "common/base/status.h"
#include "common/io/socket.h"
#include "tests/e2e/sessions/engine.h"
#include "tests/fakes/fake_daemon.h"
#include "tests/support/catch.h"
#include "tests/support/status_matchers.h"
#include "tests/support/wait_until.h"

namespace workmux::test {

using Catch::Contains;

namespace {

// A child with another user's id that listens and answers nothing.
pid_t ServeAsNobody(const std::filesystem::path& socket) {
  constexpr uid_t kNobody = 65534;
  const pid_t pid = ::fork();
  if (pid != 0) return pid;
  if (::setresuid(kNobody, kNobody, kNobody) != 0) ::_exit(1);
  const auto listener = ListenUnix(socket);
  if (!listener.ok() || ::chmod(socket.c_str(), 0777) != 0) ::_exit(1);
  while (true) ::pause();
}

}  // namespace

TEST_CASE("Daemon start: ten clients at once get one daemon and ten answers") {
  WorkmuxWorld world;
  std::vector<std::unique_ptr<Program>> clients;
  for (int i = 0; i < 10; ++i) clients.push_back(world.Start({"daemon", "start"}));
  std::set<std::string> answers;
  for (const auto& client : clients) {
    const int code = client->Wait();
    INFO(client->err());
    CHECK(code == 0);
    answers.insert(client->out());
  }
  CHECK(answers.size() == 1);  // it names the daemon's pid
  CHECK(WaitUntil([&] { return world.Daemons().size() == 1; }));
}

TEST_CASE("Daemon start: a socket file that nobody serves is replaced") {
  WorkmuxWorld world;
  world.Must({"daemon", "start"});
  world.KillDaemon();
  struct stat stale {};
  REQUIRE(::stat(world.socket().c_str(), &stale) == 0);
  REQUIRE(S_ISSOCK(stale.st_mode));
  CHECK(world.Must({"list", "--json"}) != "");
  struct stat fresh {};
  REQUIRE(::stat(world.socket().c_str(), &fresh) == 0);
  CHECK(fresh.st_ino != stale.st_ino);
  CHECK((fresh.st_mode & 0777) == 0600);
}

TEST_CASE("Daemon start: lock files of a dead daemon do not matter, a held one does") {
  WorkmuxWorld world;
  world.Must({"daemon", "start"});
  world.KillDaemon();
  const auto lock = world.state() / "workmuxd.lock";
  REQUIRE(std::filesystem::exists(lock));
  world.Must({"daemon", "start"});
  world.Must({"daemon", "stop"});

  const UniqueFd held(::open(lock.c_str(), O_RDWR | O_CLOEXEC));
  REQUIRE(::flock(held.get(), LOCK_EX | LOCK_NB) == 0);
  const CommandResult refused = world.Run({"daemon", "start"});
  CHECK(refused.exit.code == 1);
  CHECK_THAT(refused.err, Contains("workmuxd.lock") && Contains("hint: "));
  CHECK(world.Daemons().empty());
}

TEST_CASE("Daemon start: a file that is no socket is not taken for a daemon") {
  WorkmuxWorld world;
  std::filesystem::create_directories(world.runtime() / "workmux");
  std::filesystem::permissions(world.runtime() / "workmux", std::filesystem::perms::owner_all);
  WriteFile(world.socket(), "not a socket");
  // connect(2) gives ECONNREFUSED as for a dead daemon, and it is replaced.
  CHECK(world.Run({"list"}).exit.code == 0);
  CHECK(world.Daemon() != 0);
}

TEST_CASE("Daemon start: a daemon of another version is named, not replaced") {
  WorkmuxWorld world;
  std::filesystem::create_directories(world.socket().parent_path());
  FakeDaemon old(world.socket());
  old.workspace_status = WithReason(FailedPrecondition("speaks another version"), "DAEMON_VERSION");
  old.session_status = old.workspace_status;
  const CommandResult add = world.Run({"add", "topic"});
  CHECK(add.exit.code == 1);
  CHECK_THAT(add.err, Contains("hint: run `workmux daemon restart`"));
  const CommandResult run = world.Run({"sandbox", "run", ".", "--", "true"});
  CHECK(run.exit.code == 125);
  CHECK_THAT(run.err, Contains("hint: run `workmux daemon restart`"));
  CHECK(world.Daemons().empty());
  old.Stop();
}

TEST_CASE(
    "Daemon start: a socket path that is too long is refused with a hint, by client and daemon") {
  WorkmuxWorld world;
  const std::string path = (world.area() / std::string(100, 'x')).string();
  const auto client =
      world.Run({"list"}, {.cwd = {}, .env = {{"WORKMUX_SOCKET", path}}, .input = {}});
  CHECK(client.exit.code == 2);
  CHECK_THAT(
      client.err,
      Contains("107") && Contains("hint: set WORKMUX_SOCKET or XDG_RUNTIME_DIR to a shorter path"));
  const auto daemon = world.RunCommand({WorkmuxWorld::daemon_program().string()},
                                       {.cwd = {}, .env = {{"WORKMUX_SOCKET", path}}, .input = {}});
  CHECK(daemon.exit.code == 1);
  CHECK_THAT(daemon.err, Contains("hint: set WORKMUX_SOCKET or XDG_RUNTIME_DIR to a shorter path"));
}

TEST_CASE("Daemon start: the longest socket path works") {
  WorkmuxWorld world;
  std::string path = (world.area() / "s").string();
  path += std::string(kMaxSocketPath - path.size(), 'x');
  const auto result =
      world.Run({"daemon", "start"}, {.cwd = {}, .env = {{"WORKMUX_SOCKET", path}}, .input = {}});
  INFO(result.err);
  CHECK(result.exit.code == 0);
}

TEST_CASE("Daemon start: without HOME there is a clear error") {
  WorkmuxWorld world;
  for (const auto& program : {WorkmuxWorld::cli(), WorkmuxWorld::daemon_program()}) {
    std::vector<std::string> words = {"env", "-u", "HOME", program.string()};
    if (program == WorkmuxWorld::cli()) words.emplace_back("list");
    const CommandResult result = world.RunCommand(words, {});
    CHECK(result.exit.code == 1);
    CHECK_THAT(result.err,
               Contains("HOME is not set") && Contains("hint: set HOME to your home directory"));
  }
}

TEST_CASE("Daemon start: a state database that cannot be read is an error and stays as it is") {
  WorkmuxWorld world;
  const std::string rubbish(8192, 'r');
  WriteFile(world.state() / "workmux.db", rubbish);
  for (const char* directory : {".local/state", ".local/state/workmux"}) {
    std::filesystem::permissions(world.home() / directory, std::filesystem::perms::owner_all);
  }
  const CommandResult result = world.Run({"daemon", "start"});
  CHECK(result.exit.code == 1);
  CHECK_THAT(result.err, Contains("workmux.db") && Contains("not a database") &&
                             Contains("move the file away to start without the old state"));
  CHECK(ReadWholeFile(world.state() / "workmux.db") == rubbish);
  CHECK(world.Daemons().empty());

  std::filesystem::rename(world.state() / "workmux.db", world.area() / "away.db");
  world.Must({"daemon", "start"});
}

TEST_CASE("Daemon start: a socket that another user serves gets nothing of ours") {
  WorkmuxWorld world;
  std::filesystem::path socket = "/var/run/docker.sock";
  pid_t stranger = 0;
  if (::geteuid() == 0) {
    socket = world.area() / "foreign";
    std::filesystem::permissions(world.area(), std::filesystem::perms::all);
    stranger = ServeAsNobody(socket);
    REQUIRE(WaitUntil([&] { return std::filesystem::exists(socket); }));
  } else if (::access(socket.c_str(), R_OK | W_OK) != 0) {
    std::cout << "SKIPPED: no socket of another user\n";
    return;
  }
  const auto result =
      world.Run({"list"}, {.cwd = {}, .env = {{"WORKMUX_SOCKET", socket.string()}}, .input = {}});
  CHECK(result.exit.code == 1);
  CHECK_THAT(result.err, Contains("is served by user") && Contains("not by you"));
  if (stranger == 0) return;
  ::kill(stranger, SIGKILL);
  ::waitpid(stranger, nullptr, 0);
}

TEST_CASE("Daemon start: WORKMUX_NO_SPAWN starts none") {
  WorkmuxWorld world;
  world.env()["WORKMUX_NO_SPAWN"] = "1";
  for (const std::vector<std::string>& arguments :
       std::vector<std::vector<std::string>>{{"list"}, {"status"}, {"daemon", "start"}}) {
    const CommandResult result = world.Run(arguments);
    CHECK(result.exit.code == 1);
    CHECK_THAT(result.err, Contains("workmuxd is not running") && Contains("hint: "));
  }
  CHECK(world.Run({"sandbox", "run", ".", "--", "true"}).exit.code == 125);
  CHECK(world.Daemons().empty());
  world.env()["WORKMUX_NO_SPAWN"] = "0";
  world.Must({"list"});
}

}  // namespace workmux::test
