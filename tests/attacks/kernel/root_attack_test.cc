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

// Control: the same in bubblewrap's sandbox with a /proc of its own and no more.
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

  const CommandResult open = stage.world.RunCommand(
      {"bwrap", "--unshare-user", "--unshare-pid", "--cap-drop", "ALL", "--ro-bind", "/", "/",
       "--proc", "/proc", "/bin/bash", "-c", kOpenSwitches},
      {.cwd = "/", .env = {}, .input = {}});
  CHECK(open.out.find("opened-/proc/sys/kernel/core_pattern") != std::string::npos);
}

}  // namespace workmux::test
