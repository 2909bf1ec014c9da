#include <csignal>

#include "tests/support/attack_stage.h"
#include "tests/support/build_tree.h"
#include "tests/support/catch.h"
#include "tests/support/wait_until.h"

namespace workmux::test {
namespace {

namespace fs = std::filesystem;
using Catch::Contains;

// Types a line into its terminals, and a shell behind it says what it was given.
std::string InjectAndRead(const std::string& inject) {
  return inject +
         "; stty -icanon min 0 time 5 2>/dev/null; line=$(dd bs=100 count=1 2>/dev/null); "
         "echo \"shell read: [$line] over\"";
}

bool KernelAllowsTyping() {
  // tty_ioctl(4): since Linux 6.2 the administrator may forbid it for everybody.
  const std::string setting = ReadWholeFile("/proc/sys/dev/tty/legacy_tiocsti");
  if (setting.empty() || setting.starts_with('1')) return true;
  WARN("the kernel forbids TIOCSTI (dev.tty.legacy_tiocsti), so the control cannot show it");
  return false;
}

struct Survivors {
  explicit Survivors(const AttackStage& stage) : stage_(stage) {}
  ~Survivors() { End(); }
  std::string mark() const { return "mark-" + stage_.tree.parent_path().filename().string(); }
  std::string Command() const {
    return stage_.attacker() + " survive " + mark() + " '" + stop().string() + "'";
  }
  // Those of the hostile program, not of what started it.
  std::size_t Count() const {
    std::size_t count = 0;
    for (const pid_t pid : ProcessesMarked(mark()))
      count += CommandLine(pid).starts_with(stage_.attacker() + " ") ? 1u : 0u;
    return count;
  }
  // Three hide themselves; one of them is never there for long.
  bool AreThere() const {
    return WaitUntil([this] { return Count() >= 2; });
  }
  // Not only between two of its lives.
  bool AreGone() const {
    return WaitUntil([this] {
      for (int i = 0; i < 50; ++i) {
        if (Count() > 0) return false;
        ::usleep(2000);
      }
      return true;
    });
  }
  void End() const {
    WriteFile(stop(), "");
    WaitUntil([this] { return Count() == 0; });
    fs::remove(stop());
  }

 private:
  fs::path stop() const { return stage_.world.home() / "stop"; }
  const AttackStage& stage_;
};

}  // namespace

// Control: the same program in the same terminal outside, where a shell gets the text.
TEST_CASE("Attack K5: nothing can be typed into the terminal that a sandbox runs on",
          "[attack][K5][namespace][docker][podman]") {
  const bool allowed = KernelAllowsTyping();
  for (const std::string& engine : kEngines) {
    if (!CanUse(engine)) continue;
    AttackStage stage;
    stage.world.SetConfig(SandboxConfigFor(engine));
    const std::string inject = "'" + stage.attacker() + "' inject echo-typed";
    const auto run = [&](const std::string& command) {
      const auto program = stage.world.StartCommand(
          {"/bin/sh", "-c", "cd '" + stage.tree.string() + "'; " + InjectAndRead(command)},
          Program::Terminal());
      program->Prints("] over", std::chrono::seconds(60));
      program->Wait();
      return program->out();
    };
    const std::string inside =
        run("'" + WorkmuxWorld::cli().string() + "' sandbox run . -- \"" + inject + "\"");
    INFO(engine << "\n" << inside);
    // What a container types goes to the terminal that the engine made for it alone.
    CHECK_THAT(inside, Contains(" ways"));
    CHECK_THAT(inside, Contains("shell read: [] over"));
    if (engine == "namespace") CHECK_THAT("\n" + inside, Contains("\n0 ways"));
    if (allowed) {
      const std::string outside = run(inject);
      INFO(outside);
      CHECK_THAT(outside, Contains("shell read: [echo-typed"));
    }
  }
}

// Control: the same program started by a shell outside, which outlives that shell.
TEST_CASE("Attack K6: no process outlives its sandbox", "[attack][K6][namespace][docker][podman]") {
  for (const std::string& engine : kEngines) {
    if (!CanUse(engine)) continue;
    AttackStage stage;
    stage.world.SetConfig(SandboxConfigFor(engine));
    const Survivors survivors(stage);
    const auto start = [&] {
      auto program = stage.StartInside("exec " + survivors.Command());
      INFO(engine << "\n" << program->err());
      REQUIRE(program->Prints("hidden"));
      REQUIRE(survivors.AreThere());
      return program;
    };
    {
      INFO(engine << ": its client is asked to end");
      const auto program = start();
      program->Signal(SIGTERM);
      program->Wait();
      CHECK(survivors.AreGone());
    }
    {
      INFO(engine << ": its client is killed");
      const auto program = start();
      program->Signal(SIGKILL);
      CHECK(survivors.AreGone());
    }
    {
      INFO(engine << ": stopped with all others");
      const auto program = start();
      stage.world.Must({"daemon", "stop", "--sandboxes"});
      CHECK(survivors.AreGone());
    }
    {
      INFO(engine << ": its command ends by itself");
      const auto program = stage.StartInside(survivors.Command() + " & sleep 1");
      program->Wait();
      CHECK(survivors.AreGone());
    }
    {
      INFO(engine << ": its worktree is removed");
      const auto program = start();
      stage.world.Must({"remove", "topic", "-f"});
      CHECK(survivors.AreGone());
    }

    fs::create_directories(stage.tree);
    fs::copy_file(BinaryDir() / "tests/attacker", stage.tree / "attacker");
    const auto shell = stage.world.StartCommand({"/bin/sh", "-c", survivors.Command() + "; true"});
    REQUIRE(shell->Prints("hidden"));
    REQUIRE(survivors.AreThere());
    shell->Signal(SIGKILL);
    shell->Wait();
    CHECK_FALSE(survivors.Count() == 0);
    CHECK(survivors.AreThere());
  }
}

}  // namespace workmux::test
