#include "tests/e2e/network/internet.h"

#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>

#include "common/base/strings.h"
#include "common/process/posix_command_runner.h"
#include "tests/support/temp_dir.h"
#include "tests/support/wait_until.h"

namespace workmux::test {
namespace {

namespace fs = std::filesystem;

Command Make(std::vector<std::string> argv, const Env& env) {
  Command command;
  command.argv = std::move(argv);
  command.cwd = "/";
  command.env = env;
  return command;
}

// Its directory.
const char* AroundUs() { return std::getenv("WORKMUX_TEST_INTERNET"); }

}  // namespace

bool Internet::IsAround() { return AroundUs() != nullptr; }

bool Internet::CanRun() {
  if (::geteuid() == 0 || IsAround()) return true;
  PosixCommandRunner runner;
  const auto result =
      runner.Run(Make({"unshare", "--user", "--map-current-user", "--keep-caps", "--net", "--",
                       "ip", "link", "add", "near", "type", "veth", "peer", "name", "far"},
                      {{"PATH", "/usr/bin:/bin:/usr/sbin:/sbin"}}),
                 {});
  if (result.ok() && result->exit.ok()) return true;
  std::printf("SKIPPED: this user cannot make network namespaces: %s\n",
              result.ok() ? result->err.c_str() : result.status().ToString().c_str());
  return false;
}

Internet::Internet(WorkmuxWorld& world) : Internet(world, WORKMUX_NETWORK_STAGE, {}) {}

Internet::Internet(WorkmuxWorld& world, const std::string& stage,
                   const std::vector<std::string>& arguments)
    : world_(world), dir_(IsAround() ? fs::path(AroundUs()) : world.area() / "internet") {
  // A client that misses its daemon would start one on the host.
  world.env()["WORKMUX_NO_SPAWN"] = "1";
  fs::create_directories(dir_ / "www");
  fs::remove_all(dir_ / "www/repo.git");  // of the case before
  // What git's dumb protocol serves: a bare repository's files, gitprotocol-http(5).
  for (const auto& argv : std::vector<std::vector<std::string>>{
           {"git", "clone", "--quiet", "--bare", world.repo().string(),
            (dir_ / "www/repo.git").string()},
           {"git", "-C", (dir_ / "www/repo.git").string(), "update-server-info"}}) {
    if (!world.RunCommand(argv, {}).exit.ok()) throw std::runtime_error("no repository to serve");
  }
  if (IsAround()) return;
  Env env = world.env();
  env["PATH"] += ":/usr/sbin:/sbin";
  std::vector<std::string> argv = {stage, dir_.string()};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  stage_ = std::make_unique<Program>(Make(std::move(argv), env));
  if (!stage_->Prints("ready ", std::chrono::seconds(120)))
    throw std::runtime_error("no internet: " + stage_->err());
  pid_ = std::string(Trim(stage_->out().substr(stage_->out().find("ready ") + 6)));
}

Internet::~Internet() {
  for (const auto& daemon : daemons_) daemon->Signal(SIGTERM);
  for (const auto& daemon : daemons_) daemon->Wait();
  if (!stage_) return;
  stage_->CloseInput();
  stage_->Wait();
}

std::vector<std::string> Internet::Entering(const std::vector<std::string>& argv) const {
  if (!stage_) return argv;
  std::vector<std::string> all = {"nsenter", "--target", pid_, "--net", "--mount"};
  if (::geteuid() != 0) all.insert(all.end(), {"--user", "--preserve-credentials"});
  all.insert(all.end(), {"--", "setpriv", "--inh-caps=-all", "--ambient-caps=-all", "--"});
  all.insert(all.end(), argv.begin(), argv.end());
  return all;
}

CommandResult Internet::Run(const std::vector<std::string>& argv) const {
  return world_.RunCommand(Entering(argv), {.cwd = "/", .env = {}, .input = {}});
}

void Internet::StartDaemon() {
  // As on a host where the authority is installed: for what the daemon asks itself.
  Env env = world_.env();
  env["SSL_CERT_FILE"] = authority().string();
  daemons_.push_back(
      std::make_unique<Program>(Make(Entering({WorkmuxWorld::daemon_program().string()}), env)));
  const bool ready = WaitUntil([&] { return world_.Run({"daemon", "status"}).exit.ok(); });
  if (!ready) throw std::runtime_error("no daemon: " + daemons_.back()->err());
}

}  // namespace workmux::test
