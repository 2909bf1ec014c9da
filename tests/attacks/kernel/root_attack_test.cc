#include <unistd.h>

#include <iostream>

#include "tests/support/attack_stage.h"
#include "tests/support/catch.h"

namespace workmux::test {
namespace {

// Opened for writing and left as they are: to the kernel they belong to uid 0.
constexpr char kOpenSwitches[] =
    "for file in /proc/sys/kernel/core_pattern /proc/sys/kernel/modprobe; do "
    "if (exec 3>>$file) 2>/dev/null; then echo opened-$file; fi; done; echo tried";

}  // namespace

// Control: the same in the two bubblewraps alone, with a /proc of their own.
TEST_CASE("Attack K4: root's sandbox cannot change the kernel's switches",
          "[attack][K4][namespace]") {
  if (::geteuid() != 0) {
    std::cout << "SKIPPED: not root\n";
    return;
  }
  if (!CanUse("namespace")) return;
  AttackStage stage;
  stage.world.SetConfig(SandboxConfigFor("namespace"));
  const CommandResult held = stage.Inside(kOpenSwitches);
  INFO(held.err);
  CHECK(held.out == "tried\n");

  std::vector<std::string> bare = {"bwrap", "--unshare-user", "--unshare-pid", "--cap-drop", "ALL"};
  std::vector<std::string> argv = bare;
  argv.insert(argv.end(), {"--cap-add", "CAP_SETFCAP", "--dev-bind", "/", "/", "--"});
  argv.insert(argv.end(), bare.begin(), bare.end());
  argv.insert(argv.end(), {"--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev", "/bin/bash",
                           "-c", kOpenSwitches});
  const CommandResult open = stage.world.RunCommand(argv, {.cwd = "/", .env = {}, .input = {}});
  INFO(open.out << open.err);
  CHECK(open.out.find("opened-/proc/sys/kernel/core_pattern") != std::string::npos);
}

}  // namespace workmux::test
