#include <csignal>
#include "common/base/strings.h"
#include "tests/support/attack_stage.h"
#include "tests/support/catch.h"
#include "tests/support/wait_until.h"

namespace workmux::test {
namespace {

namespace fs = std::filesystem;
using Catch::Contains;

constexpr long long kFlood = 6'000'000;

// Writes 64 MB and says how much of it there was room for.
constexpr char kFill[] =
    "for dir in /tmp /var/tmp; do head -c 64000000 /dev/zero > $dir/fill 2>/dev/null; "
    "stat -c %s $dir/fill; rm -f $dir/fill; done";

long long LargestLine(const std::string& out) {
  long long largest = 0;
  for (const std::string& line : SplitLines(out)) {
    long long number = 0;
    if (ParseInt(line, number)) largest = std::max(largest, number);
  }
  return largest;
}

// What the engine has kept of the container's output, in bytes.
long long KeptLog(const WorkmuxWorld& world, const std::string& engine, const std::string& name) {
  const CommandResult result =
      world.RunCommand({"/bin/sh", "-c", engine + " logs '" + name + "' 2>&1 | wc -c"},
                       {.cwd = "/", .env = {}, .input = {}});
  return LargestLine(result.out);
}

// A container that the engine itself makes; removed at the end of the scope.
class PlainContainer {
 public:
  PlainContainer(const WorkmuxWorld& world, std::string engine,
                 const std::vector<std::string>& options, const std::string& script)
      : world_(world),
        engine_(std::move(engine)),
        name_("wm-test-" + world.area().filename().string()) {
    std::vector<std::string> argv = {engine_, "run", "--name", name_, "--network", "none"};
    argv.insert(argv.end(), options.begin(), options.end());
    argv.insert(argv.end(), {TestImage(), "/bin/sh", "-c", script});
    world_.RunCommand(std::move(argv), {.cwd = "/", .env = {}, .input = {}});
  }
  ~PlainContainer() {
    world_.RunCommand({engine_, "rm", "--force", name_}, {.cwd = "/", .env = {}, .input = {}});
  }
  PlainContainer(const PlainContainer&) = delete;
  PlainContainer& operator=(const PlainContainer&) = delete;
  const std::string& name() const { return name_; }

 private:
  const WorkmuxWorld& world_;
  const std::string engine_;
  const std::string name_;
};

// Stand-ins: one that prints what a version of the engine prints, and none of the other.
void InstallEngine(const WorkmuxWorld& world, const std::string& runc) {
  world.Install("podman", "#!/bin/sh\nexit 1\n");
  world.Install("docker", "#!/bin/sh\ncase \"$1\" in version) echo 'Engine 28.2.2'; echo 'runc " +
                              runc + "' ;; *) exit 1 ;; esac\n");
}

}  // namespace

// Control: the same with no limit set.
TEST_CASE("Attack K3: /tmp takes no more memory than it may",
          "[attack][K3][namespace][docker][podman]") {
  for (const std::string& engine : kEngines) {
    if (!CanUse(engine)) continue;
    AttackStage stage;
    stage.world.SetConfig(SandboxConfigFor(engine, "    tmpfs_size: 4m\n"));
    const CommandResult bounded = stage.Inside(kFill);
    INFO(engine << "\n" << bounded.out << bounded.err);
    CHECK(LargestLine(bounded.out) > 1'000'000);
    CHECK(LargestLine(bounded.out) <= 4 * 1024 * 1024);
    stage.world.SetConfig(SandboxConfigFor(engine, "    tmpfs_size: 0\n"));
    CHECK(LargestLine(stage.Inside(kFill).out) == 64'000'000);
  }
}

// Control: the engine itself, which keeps all of it.
TEST_CASE("Attack K3: a flood of output leaves a log of bounded size",
          "[attack][K3][docker][podman]") {
  for (const std::string engine : {"docker", "podman"}) {
    if (!CanUse(engine)) continue;
    INFO(engine);
    AttackStage stage;
    stage.world.SetConfig(SandboxConfigFor(engine, "    log_size: 1m\n"));
    const std::string flood =
        "head -c " + std::to_string(kFlood) + " /dev/zero | tr '\\0' x | fold -w 1000; echo; ";
    const auto program = stage.StartInside(flood + "echo over >&2; exec sleep 600");
    REQUIRE(WaitUntil([&] { return program->err().find("over") != std::string::npos; },
                      std::chrono::seconds(120)));
    const auto containers = stage.world.Containers(engine);
    REQUIRE(containers.size() == 1);
    CHECK(KeptLog(stage.world, engine, containers.front()) < kFlood / 2);
    program->Signal(SIGTERM);
    program->Wait();

    // A file, as the engine's own default may be a journal with a limit of its own.
    const std::string driver = engine == "docker" ? "json-file" : "k8s-file";
    const PlainContainer plain(stage.world, engine, {"--log-driver", driver}, flood);
    CHECK(KeptLog(stage.world, engine, plain.name()) >= kFlood);
  }
}

// Detected: which patches a distribution's package carries is not in its version.
// Control: the same engine with the fixed version, about which nothing is said.
TEST_CASE("Attack K1: a runtime with a known way out is told by doctor",
          "[attack][K1][detected][docker]") {
  AttackStage stage;
  InstallEngine(stage.world, "1.1.11");
  const CommandResult old = stage.world.Run({"doctor"});
  INFO(old.out << old.err);
  CHECK_THAT(old.out + old.err, Contains("CVE-2024-21626") && Contains("1.1.12") &&
                                    Contains("your distribution has patched it"));
  InstallEngine(stage.world, "1.2.8");
  const CommandResult fixed = stage.world.Run({"doctor"});
  INFO(fixed.out << fixed.err);
  CHECK_THAT(fixed.out, Contains("runc 1.2.8"));
  CHECK_THAT(fixed.out + fixed.err, !Contains("CVE-2024-21626"));
  // A warning, never an error: that depends on other things alone.
  CHECK(old.exit.code == fixed.exit.code);
}

}  // namespace workmux::test
