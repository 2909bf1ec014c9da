// What the other integration tests stand on. When one of these fails, look at
// the machine before looking at their results.
#include <unistd.h>

#include <cstdlib>
#include <iostream>

#include "common/process/posix_command_runner.h"
#include "tests/support/build_tree.h"
#include "tests/support/catch.h"
#include "tests/support/status_matchers.h"

namespace workmux {
namespace {

// Set by tests/run; without it nobody has prepared this machine.
bool Prepared() {
  if (std::getenv("WORKMUX_TEST_IMAGE") != nullptr) return true;
  std::cout << "SKIPPED: not started by tests/run\n";
  return false;
}

void CheckOutput(const std::vector<std::string>& argv, const std::string& expected) {
  Command command;
  command.argv = argv;
  command.env = CurrentEnv();
  PosixCommandRunner runner;
  const CommandResult result = test::Must(runner.Run(command, {}));
  INFO(result.err);
  CHECK(result.exit.ok());
  CHECK(result.out == expected);
}

TEST_CASE("Environment: the tests do not run as root", "[environment]") {
  if (!Prepared()) return;
  CHECK(::geteuid() != 0);
  CHECK(::access(std::getenv("HOME"), W_OK) == 0);
  CHECK(::access((test::SourceDir() / "tests/run").c_str(), R_OK) == 0);
}

TEST_CASE("Environment: Docker runs the image of the tests", "[environment]") {
  if (!Prepared()) return;
  CheckOutput({"docker", "run", "--rm", "--pull=never", "--network=none",
               std::getenv("WORKMUX_TEST_IMAGE"), "sh", "-c", "git init -q /r && id -u"},
              "0\n");
}

TEST_CASE("Environment: rootless Podman runs the image of the tests", "[environment]") {
  if (!Prepared()) return;
  CheckOutput({"podman", "run", "--rm", "--pull=never", "--network=none", "--userns=keep-id",
               std::getenv("WORKMUX_TEST_IMAGE"), "sh", "-c", "git init -q /tmp/r && id -u"},
              std::to_string(::geteuid()) + "\n");
}

TEST_CASE("Environment: bubblewrap makes a sandbox without root", "[environment]") {
  if (!Prepared()) return;
  CheckOutput({"bwrap", "--unshare-all", "--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev",
               "sh", "-c", "echo $$"},
              "2\n");
}

}  // namespace
}  // namespace workmux
