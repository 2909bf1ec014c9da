#include "tests/e2e/network/engine_internet.h"

#include "common/base/format.h"

namespace workmux::test {
namespace {

std::vector<std::string> WorkmuxArgv(const std::vector<std::string>& arguments) {
  std::vector<std::string> argv = {WorkmuxWorld::cli().string()};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  return argv;
}

}  // namespace

EngineInternet::EngineInternet(WorkmuxWorld& world, const std::string& engine)
    : Internet(world, WORKMUX_ENGINE_STAGE, {engine, TestImage()}) {
  if (engine == "docker")
    world.env()["DOCKER_HOST"] = Format("unix://{}/docker.sock", dir_.native());
}

EngineInternet::~EngineInternet() {
  // What the world removes at its end is the host's.
  world_.env().erase("DOCKER_HOST");
}

std::vector<std::string> EngineInternet::Entering(const std::vector<std::string>& argv) const {
  std::vector<std::string> all = {"nsenter", "--target", pid_, "--net", "--mount", "--",
                                  // Entering a mount namespace leads to its root, setns(2).
                                  "env", "--chdir=" + world_.repo().string()};
  all.insert(all.end(), argv.begin(), argv.end());
  return all;
}

CommandResult EngineInternet::RunWorkmux(const std::vector<std::string>& arguments) const {
  return Run(WorkmuxArgv(arguments));
}

std::unique_ptr<Program> EngineInternet::StartWorkmux(
    const std::vector<std::string>& arguments) const {
  return world_.StartCommand(Entering(WorkmuxArgv(arguments)));
}

}  // namespace workmux::test
