#include <csignal>

#include "common/base/status.h"
#include "tests/component/cli/cli_fixture.h"
#include "tests/support/wait_until.h"

namespace workmux::test {
namespace {

const std::vector<std::string> kRun = {"sandbox", "run", ".", "--", "agent"};

TEST_CASE("sandbox run: exits with the program's code and reports it", "[cli]") {
  CliFixture f;
  f.Plan("echo out; echo err >&2; exit 7");
  CliProcess cli(f.With(kRun));
  CHECK(cli.Wait() == 7);
  CHECK(cli.out() == "out\n");
  CHECK(cli.err() == "err\n");
  REQUIRE(f.daemon.closed().size() == 1);
  CHECK(f.daemon.closed()[0].exit().code() == 7);
  CHECK(WaitUntil([&] { return !f.daemon.leased(); }));
}

TEST_CASE("sandbox run: a killed program gives 128 and its signal", "[cli]") {
  CliFixture f;
  f.Plan("kill -9 $$");
  CHECK(CliProcess(f.With(kRun)).Wait() == 137);
  REQUIRE(f.daemon.closed().size() == 1);
  CHECK(f.daemon.closed()[0].exit().signal() == SIGKILL);
}

TEST_CASE("sandbox run: what could not run is 125, 126 and 127", "[cli]") {
  CliFixture f;
  SECTION("the daemon refuses") {
    f.daemon.session_status = WithHint(InvalidArgument("no image\x1b[2J"), "pull it");
    CliProcess cli(f.With(kRun));
    CHECK(cli.Wait() == 125);
    CHECK(cli.err() == "workmux: no image?[2J\nhint: pull it\n");
  }
  SECTION("nobody listens") {
    f.daemon.Stop();
    CHECK(CliProcess(f.With(kRun)).Wait() == 125);
  }
  SECTION("no such program") {
    f.daemon.plan.add_argv("/nonexistent");
    CHECK(CliProcess(f.With(kRun)).Wait() == 127);
  }
  SECTION("not executable") {
    f.daemon.plan.add_argv("/etc/passwd");
    CHECK(CliProcess(f.With(kRun)).Wait() == 126);
  }
  SECTION("the daemon knows better than the exit code") {
    f.Plan("exit 1");
    f.daemon.start_failure = "agent: no such file";
    f.daemon.start_failure_code = 127;
    CliProcess cli(f.With(kRun));
    CHECK(cli.Wait() == 127);
    CHECK(cli.err() == "workmux: agent: no such file\n");
  }
  SECTION("the daemon knows what to do about it") {
    f.Plan("exit 125");
    f.daemon.start_failure = "cannot create the sandbox: sandbox.container.cap_add: no such thing";
    f.daemon.start_failure_code = 125;
    f.daemon.start_reason = "OPTION_REFUSED";
    f.daemon.start_hint = "Correct it.";
    CliProcess cli(f.With(kRun));
    CHECK(cli.Wait() == 125);
    CHECK_THAT(cli.err(),
               Catch::Contains("workmux: cannot create the sandbox: sandbox.container.cap_add: ") &&
                   Catch::Contains("hint: Correct it."));
  }
}

TEST_CASE("sandbox run: the command arrives word for word", "[cli]") {
  CliFixture f;
  f.Plan("true");
  CHECK(
      CliProcess(f.With({"sandbox", "run", "wt", "--", "a", "[x,y]", "--", "--help", ""})).Wait() ==
      0);
  CHECK(CliProcess(f.With({"sandbox", "run", "wt", "--", "npm test && ls"})).Wait() == 0);
  const auto opened = f.daemon.opened();
  REQUIRE(opened.size() == 2);
  CHECK(std::vector<std::string>(opened[0].command().begin(), opened[0].command().end()) ==
        std::vector<std::string>{"a", "[x,y]", "--", "--help", ""});
  CHECK_FALSE(opened[0].shell_command());
  CHECK(opened[0].worktree() == (f.dir / "wt").string());
  CHECK_FALSE(opened[0].tty());
  CHECK(opened[1].shell_command());
}

TEST_CASE("sandbox run: content is read from the plan's descriptor and no other is open", "[cli]") {
  CliFixture f;
  f.Plan("cat <&5; ls /proc/self/fd | tr '\\n' ' '");
  auto* file = f.daemon.plan.add_files();
  file->set_number(5);
  file->set_content("secret\n");
  CliProcess cli(f.With(kRun));
  CHECK(cli.Wait() == 0);
  // 3 is the directory that ls reads.
  CHECK(cli.out() == "secret\n0 1 2 3 5 ");
}

TEST_CASE("sandbox run: SIGTERM stops the sandbox and then what is left of the program", "[cli]") {
  CliFixture f;
  f.Plan("sleep 1000 & echo $! >child; : >started; wait");
  CliProcess cli(f.With(kRun));
  REQUIRE(WaitUntil([&] { return std::filesystem::exists(f.dir / "started"); }));
  cli.Signal(SIGTERM);
  CHECK(cli.Wait() == 143);
  CHECK(f.daemon.stops() == 1);
  const pid_t child = std::stoi(ReadWholeFile(f.dir / "child"));
  CHECK(WaitUntil([&] { return ::kill(child, 0) != 0; }));
}

TEST_CASE("sandbox run: SIGINT before the session is ready gives 130", "[cli]") {
  CliFixture f;
  f.Plan("exit 0");
  f.daemon.hang_until_cancelled = true;
  CliProcess cli(f.With(kRun));
  REQUIRE(WaitUntil([&] { return !f.daemon.opened().empty(); }));
  cli.Signal(SIGINT);
  CHECK(cli.Wait() == 130);
  CHECK(f.daemon.closed().empty());
}

TEST_CASE("sandbox run: the program outlives the daemon and the lease comes back", "[cli]") {
  CliFixture f;
  f.Plan("while [ ! -e go ]; do sleep 0.02; done; exit 5");
  CliProcess cli(f.With(kRun));
  REQUIRE(WaitUntil([&] { return f.daemon.leased(); }));
  f.daemon.Stop();
  f.daemon.Start();
  REQUIRE(WaitUntil([&] { return f.daemon.resumed() == 1; }));
  WriteFile(f.dir / "go", "");
  CHECK(cli.Wait() == 5);
  CHECK(cli.err().empty());
  REQUIRE(f.daemon.closed().size() == 1);
}

TEST_CASE("sandbox run: without a daemon at the end the program's code still counts", "[cli]") {
  CliFixture f;
  f.Plan("while [ ! -e go ]; do sleep 0.02; done; exit 6");
  CliProcess cli(f.With(kRun));
  REQUIRE(WaitUntil([&] { return f.daemon.leased(); }));
  f.daemon.Stop();
  WriteFile(f.dir / "go", "");
  CHECK(cli.Wait() == 6);
  CHECK(cli.err().empty());
}

TEST_CASE("sandbox run: a revoked session ends the program and says why", "[cli]") {
  CliFixture f;
  f.Plan("exec sleep 1000");
  CliProcess cli(f.With(kRun));
  REQUIRE(WaitUntil([&] { return f.daemon.leased(); }));
  f.daemon.Revoke("the sandboxes were stopped");
  CHECK(cli.Wait() == 125);
  CHECK(cli.err() == "workmux: the sandboxes were stopped\n");
}

TEST_CASE("sandbox run: the terminal's modes are what they were", "[cli]") {
  CliFixture f;
  f.Plan(": >started; while [ ! -e go ]; do sleep 0.02; done; stty raw -echo; exit 3");
  CliProcess cli(f.With(kRun, /*tty=*/true));
  REQUIRE(WaitUntil([&] { return std::filesystem::exists(f.dir / "started"); }));
  const termios before = cli.Modes();
  REQUIRE((before.c_lflag & ECHO) != 0);
  WriteFile(f.dir / "go", "");
  CHECK(cli.Wait() == 3);
  CHECK(cli.Modes().c_lflag == before.c_lflag);
  CHECK(cli.Modes().c_iflag == before.c_iflag);
  REQUIRE(f.daemon.opened().size() == 1);
  CHECK(f.daemon.opened()[0].tty());
}

TEST_CASE("sandbox run: Ctrl-C is the program's affair", "[cli]") {
  CliFixture f;
  f.Plan("trap 'exit 9' INT; : >started; while :; do sleep 0.02; done");
  CliProcess cli(f.With(kRun, /*tty=*/true));
  REQUIRE(WaitUntil([&] { return std::filesystem::exists(f.dir / "started"); }));
  cli.Type("\x03");
  CHECK(cli.Wait() == 9);
}

}  // namespace
}  // namespace workmux::test
