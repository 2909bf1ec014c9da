#include "tests/e2e/network/engine_internet.h"

#include <csignal>
#include <stdexcept>

#include "common/base/format.h"
#include "common/base/strings.h"
#include "tests/support/temp_dir.h"
#include "tests/support/wait_until.h"

namespace workmux::test {

namespace fs = std::filesystem;

EngineInternet::EngineInternet(WorkmuxWorld& world, const std::string& engine)
    : world_(world), dir_(world.area() / "internet") {
  fs::create_directories(dir_ / "www");
  // What git's dumb protocol serves, gitprotocol-http(5).
  const std::string served = (dir_ / "www/repo.git").string();
  for (const auto& argv : std::vector<std::vector<std::string>>{
           {"git", "clone", "--quiet", "--bare", world.repo().string(), served},
           {"git", "-C", served, "update-server-info"}}) {
    if (!world.RunCommand(argv, {}).exit.ok()) throw std::runtime_error("no repository to serve");
  }
  world.env()["PATH"] += ":/usr/sbin:/sbin";
  stage_ = world.StartCommand({WORKMUX_ENGINE_STAGE, dir_.string(), engine, TestImage()});
  if (!stage_->Prints("ready ", std::chrono::seconds(120)))
    throw std::runtime_error("no internet: " + stage_->err());
  pid_ = std::string(Trim(stage_->out().substr(stage_->out().find("ready ") + 6)));
  if (engine == "docker")
    world.env()["DOCKER_HOST"] = Format("unix://{}/docker.sock", dir_.native());
}

EngineInternet::~EngineInternet() {
  for (const auto& daemon : daemons_) daemon->Signal(SIGTERM);
  for (const auto& daemon : daemons_) daemon->Wait();
  // What the world removes at its end is the host's.
  world_.env().erase("DOCKER_HOST");
  stage_->CloseInput();
  stage_->Wait();
}

std::vector<std::string> EngineInternet::Enter(const std::vector<std::string>& argv) const {
  std::vector<std::string> all = {"nsenter", "--target", pid_, "--net", "--mount", "--",
                                  // Entering a mount namespace leads to its root, setns(2).
                                  "env", "--chdir=" + world_.repo().string()};
  all.insert(all.end(), argv.begin(), argv.end());
  return all;
}

CommandResult EngineInternet::RunCommand(const std::vector<std::string>& argv) const {
  return world_.RunCommand(Enter(argv), {});
}

CommandResult EngineInternet::Run(const std::vector<std::string>& arguments) const {
  std::vector<std::string> argv = {WorkmuxWorld::cli().string()};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  return RunCommand(argv);
}

std::unique_ptr<Program> EngineInternet::Start(const std::vector<std::string>& arguments) const {
  std::vector<std::string> argv = {WorkmuxWorld::cli().string()};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  return world_.StartCommand(Enter(argv));
}

void EngineInternet::StartDaemon() {
  const auto start = [&] {
    return world_.StartCommand(Enter({WorkmuxWorld::daemon_program().string()}));
  };
  daemons_.push_back(start());
  const bool ready = WaitUntil([&] {
    // One that was killed has the lock until its last thread is gone.
    if (daemons_.back()->err().find("held by another process") != std::string::npos)
      daemons_.back() = start();
    WorkmuxWorld::Where where;
    where.env = {{"WORKMUX_NO_SPAWN", "1"}};
    return world_.Run({"daemon", "status"}, where).exit.ok();
  });
  if (!ready) throw std::runtime_error("no daemon: " + daemons_.back()->err());
}

}  // namespace workmux::test
