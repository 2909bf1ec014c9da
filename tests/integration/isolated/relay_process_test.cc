#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <fstream>

#include "common/base/strings.h"
#include "common/io/socket.h"
#include "tests/integration/isolated/isolated_world.h"
#include "tests/support/status_matchers.h"
#include "tests/support/workmux_world.h"

namespace workmux::daemon {
namespace {

constexpr const char* kEngines[] = {"namespace", "docker", "podman"};

// Sets $r to the relay's number.
constexpr char kFind[] =
    "for p in /proc/[0-9]*; do [ \"$(cat $p/comm)\" = workmux-relay ] && r=${p#/proc/}; done\n"
    "[ -n \"$r\" ] || exit 9\n";

}  // namespace

TEST_CASE("Isolated: the relay is a process apart that shows nothing of itself", "[isolated]") {
  for (const std::string engine : kEngines) {
    if (!test::CanUse(engine)) continue;
    INFO(engine);
    test::IsolatedWorld world(engine);
    const auto proxy = world.Serve();
    world.Isolate();
    const std::string out =
        world
            .Run(std::string(kFind) +
                 "echo \"command: $(tr -d '\\0' </proc/$r/cmdline)\"\n"
                 "set -- $(cat /proc/$r/stat); own=$(cut -d' ' -f6 /proc/$$/stat)\n"
                 "echo \"parent $4 terminal $7\"; [ $6 = $own ] && echo 'one session'\n"
                 "cat /proc/$r/environ /proc/$r/mem; ls /proc/$r/fd\n"
                 "grep -l '^State:.*Z' /proc/[0-9]*/status\n"
                 "grep -e Seccomp: -e NoNewPrivs /proc/$r/status | tr '\\n' ' '; echo\n"
                 "for s in HUP INT QUIT TERM; do kill -$s $r; done; ./attacker echo 3128 5\n"
                 "kill -9 $r; while [ -e /proc/$r ]; do :; done; ./attacker echo 3128 5\n"
                 "echo alive\n")
            .second;
    CHECK_THAT(out, Catch::Contains("command: workmux-relay\n"));
    CHECK_THAT(out, Catch::Contains("parent 1 terminal 0\n"));
    CHECK(out.find("one session") == std::string::npos);
    CHECK(out.find("WM_RELAY") == std::string::npos);
    CHECK_THAT(out, Catch::Contains("environ: Permission denied\n"));
    CHECK_THAT(out, Catch::Contains("mem: Permission denied\n"));
    CHECK_THAT(out, Catch::Contains("fd': Permission denied\n"));
    CHECK(out.find("/status") == std::string::npos);
    CHECK_THAT(out, Catch::Contains("NoNewPrivs:\t1 Seccomp:\t2 \n"));
    CHECK_THAT(out, Catch::EndsWith("echoed 5 of 5\nConnection refused\nalive\n"));
    // Another sandbox has its own.
    CHECK(world.Run("./attacker echo 3128 5").second == "echoed 5 of 5\n");
  }
}

TEST_CASE("Isolated: a daemon that went away and came back is reached again", "[isolated]") {
  for (const std::string engine : kEngines) {
    if (!test::CanUse(engine)) continue;
    INFO(engine);
    test::IsolatedWorld world(engine);
    world.Isolate();
    auto proxy = world.Serve();
    test::PlanProcess sandbox = world.Start(
        "i=0; while [ $i -lt 3 ]; do ./attacker echo 3128 7; echo turn $i; i=$((i+1))\n"
        "while [ ! -e go$i ]; do sleep 0.02; done; done");
    const auto go = [&](const char* file) { std::ofstream(world.spec.worktree / file).put('x'); };
    REQUIRE(sandbox.ReadUntil("turn 0\n"));
    proxy.reset();
    go("go1");
    REQUIRE(sandbox.ReadUntil("turn 1\n"));
    proxy = world.Serve();
    go("go2");
    REQUIRE(sandbox.ReadUntil("turn 2\n"));
    go("go3");
    CHECK(sandbox.Wait().ok());
    const std::string& out = sandbox.output();
    INFO(out);
    CHECK_THAT(out, Catch::StartsWith("echoed 7 of 7\nturn 0\n"));
    CHECK_THAT(out, Catch::EndsWith("turn 1\nechoed 7 of 7\nturn 2\n"));
    CHECK(out.find("echoed 7", 10) > out.find("turn 1\n"));
  }
}

// Control: an open sandbox's first process, which has no filter of sockets, can be.
TEST_CASE("Isolated: the first process is under the filter and cannot be taken over",
          "[isolated]") {
  const std::string look =
      "for p in 1 $$; do grep Seccomp_filters /proc/$p/status | tr -d '\\n'; done; echo\n"
      "perl -e 'use Errno; print syscall(101, 0x4206, 1, 0, 0) == 0 ? \"taken\" : $!, \"\\n\"'";
  for (const std::string engine : {"docker", "podman"}) {
    if (!test::CanUse(engine)) continue;
    INFO(engine);
    test::IsolatedWorld world(engine);
#if defined(__x86_64__)
    CHECK_THAT(world.Run(look).second, Catch::EndsWith("taken\n"));
#endif
    world.Isolate();
    const std::string out = world.Run(look).second;
    CHECK_THAT(out, Catch::StartsWith("Seccomp_filters:\t2Seccomp_filters:\t2\n"));
    CHECK_THAT(out, Catch::EndsWith("Operation not permitted\n"));
  }
}

// In containers by the guest program, where an engine's init does it otherwise.
TEST_CASE("Isolated: orphans are reaped, signals handed on, exit codes and Ctrl-C kept",
          "[isolated]") {
  for (const std::string engine : kEngines) {
    if (!test::CanUse(engine)) continue;
    INFO(engine);
    test::IsolatedWorld world(engine);
    world.Isolate();
    CHECK(world.Run("exit 7").first == 7);
    CHECK(world.Run("kill -9 $$").first == 137);
    CHECK(world.Run("exec no-such-program").first == 127);
    CHECK(world.Run("(sh -c 'sleep 0.1 &'); sleep 0.5; grep -l '^State:.*Z' /proc/[0-9]*/status")
              .second.empty());
    test::PlanProcess asked =
        world.Start("trap 'echo bye; exit 3' TERM; echo started; while :; do sleep 0.05; done");
    REQUIRE(asked.ReadUntil("started\n"));
    const auto begin = std::chrono::steady_clock::now();
    CHECK_OK(world.backend().Stop(world.spec.name, std::chrono::seconds(30)));
    // The relay, which ignores it, is not waited for.
    CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(15));
    CHECK(asked.Wait().code == 3);
    CHECK_THAT(asked.output(), Catch::EndsWith("bye\n"));
    world.backend().Release(world.spec.name).IgnoreError();

    // There the client, which this test has none of, keeps Ctrl-C from bubblewrap.
    if (engine == "namespace") continue;
    world.spec.tty = true;
    // Said by the child itself: between its parent's fork and its exec it would lose the signal.
    test::PlanProcess typed = world.Start(
        "exec 2>/dev/null; trap 'echo interrupted' INT; sh -c 'echo ready; exec sleep 20'; "
        "echo after",
        /*terminal=*/true);
    REQUIRE(typed.ReadUntil("ready"));
    REQUIRE(::write(typed.terminal(), "\x03", 1) == 1);
    CHECK(typed.ReadUntil("interrupted"));
    CHECK(typed.ReadUntil("after"));
    CHECK(typed.Wait().ok());
  }
}

TEST_CASE("Isolated: without its relay or its filter no command runs", "[isolated]") {
  if (!test::CanUse("namespace")) return;
  test::IsolatedWorld world("namespace");
  for (const char* relay : {"", "3128", "3128=../x", "3128=a\t3128=b"}) {
    INFO(relay);
    world.Isolate(relay);
    const auto [code, out] = world.Run("touch ran");
    CHECK(code == 125);
    CHECK_THAT(out, Catch::Contains("the command was not started\n"));
  }
  // Somebody else's port, which only an open network can have.
  const UniqueFd taken = test::Must(ListenTcp("127.0.0.1", 0));
  world.Isolate(std::to_string(test::Must(LocalPort(taken.get()))) + "=proxy.sock");
  world.spec.network = SandboxNetwork::kOpen;
  const auto [code, out] = world.Run("touch ran");
  CHECK(code == 125);
  CHECK_THAT(out, Catch::Contains(" is taken; the command was not started\n"));
  CHECK_FALSE(std::filesystem::exists(world.spec.worktree / "ran"));
  // Control: the same script runs.
  world.Isolate();
  CHECK(world.Run("touch ran").first == 0);
  CHECK(std::filesystem::exists(world.spec.worktree / "ran"));
}

}  // namespace workmux::daemon
