#include "daemon/adapters/tmux/tmux_connection.h"

#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "tests/integration/tmux/tmux_server.h"
#include "tests/support/catch.h"
#include "tests/support/status_matchers.h"
#include "tests/support/wait_until.h"

namespace workmux::daemon {
namespace {

using test::HaveProgram;
using test::Must;
using test::TmuxServer;
using test::WaitUntil;
namespace fs = std::filesystem;

std::string Read(const fs::path& file) {
  std::ifstream in(file);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

// A tmux that writes down when it starts; a control client starts only when the
// file "go" exists.
fs::path SlowTmux(const fs::path& dir) {
  const fs::path file = dir / "slow-tmux";
  std::ofstream(file) << "#!/bin/sh\n"
                      << "case \" $* \" in\n"
                      << "*' -C '*) echo attach >>" << (dir / "log").string() << "\n"
                      << "  while [ ! -e " << (dir / "go").string()
                      << " ]; do sleep 0.02; done ;;\n"
                      << "*) echo call >>" << (dir / "log").string() << " ;;\n"
                      << "esac\nexec tmux \"$@\"\n";
  fs::permissions(file, fs::perms::owner_all);
  return file;
}

}  // namespace

TEST_CASE("TmuxConnection: no command runs while a control client attaches", "[tmux]") {
  if (!HaveProgram("tmux")) return;
  PosixCommandRunner runner;
  TmuxServer server;
  const fs::path log = server.dir() / "log";
  const auto connection = Must(
      TmuxConnection::Open(SlowTmux(server.dir().path()), server.socket(), runner,
                           {.on_notification = [](std::string_view) {}, .on_client_ended = [] {}}));
  const std::string session =
      Must(connection->CallOne({"display-message", "-p", "-t", "main:", "#{session_id}"}));

  std::thread attaching([&] { CHECK_OK(connection->Attach(session)); });
  REQUIRE(WaitUntil([&] { return Read(log).ends_with("attach\n"); }));
  std::thread calling([&] {
    CHECK(Must(connection->CallOne({"display-message", "-p", "-t", "main:", "#{session_name}"})) ==
          "main");
  });
  CHECK_FALSE(
      WaitUntil([&] { return Read(log).ends_with("call\n"); }, std::chrono::milliseconds(200)));
  std::ofstream(server.dir() / "go") << "";
  attaching.join();
  calling.join();
  // The call waited, and then took the client: no process was started for it.
  CHECK(Read(log).ends_with("attach\n"));
}

}  // namespace workmux::daemon
