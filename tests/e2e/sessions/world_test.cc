#include "tests/support/catch.h"
#include "tests/support/workmux_world.h"

namespace workmux::test {

TEST_CASE("WorkmuxWorld: nothing outlives it") {
  if (!HaveTmux() || !HaveBubblewrap()) return;
  std::vector<pid_t> pids;
  {
    WorkmuxWorld world("sandbox:\n  backend: namespace\n");
    world.StartTmux();
    auto agent =
        world.Start({"sandbox", "run", ".", "--", "sh", "-c", "echo inside && exec sleep 1000"});
    REQUIRE(agent->Prints("inside"));
    pids = world.Processes();
    CHECK(pids.size() >= 5);  // CLI, daemon, bwrap, sleep, tmux, its shell
  }
  for (const pid_t pid : pids) CHECK_FALSE(IsAlive(pid));
}

}  // namespace workmux::test
