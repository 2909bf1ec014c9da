#include <atomic>
#include <thread>

#include "tests/e2e/sessions/engine.h"
#include "tests/support/catch.h"
#include "tests/support/wait_until.h"

namespace workmux::test {

using Catch::Contains;

namespace {

std::vector<std::string> InSandbox(const std::string& script) {
  return {"sandbox", "run", ".", "--", "sh", "-c", script};
}

void ReportsTheProgramsEnd(Engine engine) {
  if (!Have(engine)) return;
  WorkmuxWorld world(ConfigFor(engine));
  CHECK(world.Run(InSandbox("exit 0")).exit.code == 0);
  CHECK(world.Run(InSandbox("exit 7")).exit.code == 7);
  CHECK(world.Run(InSandbox("kill -KILL $$")).exit.code == 137);
  CHECK(world.Run(InSandbox("kill -TERM $$")).exit.code == 143);
  WriteFile(world.repo() / "not-executable", "#!/bin/sh\n");
  CHECK(world.Run({"sandbox", "agent", "--", "./not-executable"}).exit.code == 126);
  CHECK(world.Run({"sandbox", "agent", "--", "no-such-program"}).exit.code == 127);
  CHECK(world.Run({"sandbox", "agent", "--", "sh", "-c", "exit 9"}).exit.code == 9);
  CHECK(world.Run({"sandbox", "shell", "--", "sh", "-c", "exit 11"}).exit.code == 11);
  // One word is a command line, as users write them.
  CHECK(world.Run({"sandbox", "run", ".", "--", "exit 3"}).exit.code == 3);
  // The container goes after its client has got the answer.
  CHECK(WaitUntil([&] { return LivingSandboxes(world, engine).empty(); }));
}

void KeepsTheStreamsApart(Engine engine) {
  if (!Have(engine)) return;
  WorkmuxWorld world(ConfigFor(engine));
  const std::string input(200'000, 'i');
  const CommandResult result =
      world.Run(InSandbox("wc -c; echo to-stderr >&2"), {.cwd = {}, .env = {}, .input = input});
  CHECK(result.exit.code == 0);
  CHECK(result.out == "200000\n");
  CHECK_THAT(result.err, Contains("to-stderr") && !Contains("200000"));
}

// What the command lines of all processes showed while it lived.
class CommandLineWatch {
 public:
  explicit CommandLineWatch(std::vector<std::string> words)
      : words_(std::move(words)), thread_([this] { Watch(); }) {}
  ~CommandLineWatch() { Stop(); }
  std::vector<std::string> Stop() {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
    return seen_;
  }

 private:
  void Watch() {
    do {
      std::error_code error;
      for (const auto& entry : std::filesystem::directory_iterator("/proc", error)) {
        const std::string line = ReadWholeFile(entry.path() / "cmdline");
        for (const std::string& word : words_) {
          if (line.find(word) != std::string::npos) seen_.push_back(line);
        }
      }
    } while (!stop_);
  }

  std::vector<std::string> words_;
  std::atomic<bool> stop_{false};
  std::vector<std::string> seen_;
  std::thread thread_;
};

// Both sides know how the secret starts, only the processes know the rest.
void ShowsNoSecrets(Engine engine) {
  if (!Have(engine)) return;
  WorkmuxWorld world(ConfigFor(engine));
  world.env()["GH_TOKEN"] = "canary-of-the-environment";
  world.env()["ANTHROPIC_API_KEY"] = "canary-of-the-agent";
  auto first = world.Start(InSandbox("echo \"token=$WM_RPC_TOKEN\"; exec sleep 1000"));
  REQUIRE(WaitUntil([&] { return first->out().find('\n') != std::string::npos; },
                    std::chrono::seconds(20)));
  const std::string out = first->out();
  const std::string token = out.substr(6, out.find('\n') - 6);
  REQUIRE(token.size() >= 32);

  CommandLineWatch watch({token, "canary-of-the-environment", "canary-of-the-agent"});
  for (int i = 0; i < 3; ++i) world.Run(InSandbox("workmux set-window-status working; exit 0"));
  if (engine != Engine::kNamespace) world.Run({"sandbox", "shell", "--exec", "--", "true"});
  world.Must({"daemon", "restart"});
  CHECK(watch.Stop().empty());

  CHECK_THAT(world.DaemonLog(), !Contains(token) && !Contains("canary-of-"));
  // The watch sees what does stand in a command line.
  auto control = world.StartCommand({"sh", "-c", "sleep 1000; true", "canary-of-the-control"});
  CHECK(WaitUntil([] {
    CommandLineWatch control_watch({"canary-of-the-control"});
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    return !control_watch.Stop().empty();
  }));
}

}  // namespace

TEST_CASE("Sandbox run: the exit code is the program's (namespace)") {
  ReportsTheProgramsEnd(Engine::kNamespace);
}
TEST_CASE("Sandbox run: the exit code is the program's (Docker)") {
  ReportsTheProgramsEnd(Engine::kDocker);
}

TEST_CASE("Sandbox run: the exit code is the program's (Podman)") {
  ReportsTheProgramsEnd(Engine::kPodman);
}

TEST_CASE("Sandbox run: piped input arrives, output and errors stay apart (namespace)") {
  KeepsTheStreamsApart(Engine::kNamespace);
}
TEST_CASE("Sandbox run: piped input arrives, output and errors stay apart (Docker)") {
  KeepsTheStreamsApart(Engine::kDocker);
}

TEST_CASE("Sandbox run: piped input arrives, output and errors stay apart (Podman)") {
  KeepsTheStreamsApart(Engine::kPodman);
}

TEST_CASE("Sandbox run: no secret ever stands in a command line or the log (namespace)") {
  ShowsNoSecrets(Engine::kNamespace);
}
TEST_CASE("Sandbox run: no secret ever stands in a command line or the log (Docker)") {
  ShowsNoSecrets(Engine::kDocker);
}

TEST_CASE("Sandbox run: no secret ever stands in a command line or the log (Podman)") {
  ShowsNoSecrets(Engine::kPodman);
}

TEST_CASE("Sandbox run: a prompt stands neither in the log nor in the daemon's state") {
  if (!Have(Engine::kNamespace)) return;
  WorkmuxWorld world(ConfigFor(Engine::kNamespace, kAgentConfig));
  CommitAgent(world, kObedientAgent);
  world.StartTmux();
  world.Must({"add", "-S", "-b", "topic", "-p", "canary-of-the-prompt"});
  REQUIRE(
      WaitUntil([&] { return ShowsStatus(world, "topic", "working"); }, std::chrono::seconds(30)));
  CHECK_THAT(world.DaemonLog(), !Contains("canary-of-the-prompt"));
}

TEST_CASE("Sandbox run: without an image the code is 125, and the hint names what to do") {
  if (!Have(Engine::kDocker)) return;
  WorkmuxWorld world("sandbox:\n  backend: container\n  image: workmux-test:no-such-image\n");
  const CommandResult result = world.Run(InSandbox("true"));
  CHECK(result.exit.code == 125);
  CHECK_THAT(result.err, Contains("no-such-image") && Contains("hint: "));
  CHECK(ContainersOf(world.area()).empty());
}

TEST_CASE("Sandbox run: without an engine the code is 125") {
  WorkmuxWorld world("sandbox:\n  backend: container\n  image: workmux-test:base\n");
  world.env()["DOCKER_HOST"] = "unix://" + (world.area() / "no-engine").string();
  const CommandResult stopped = world.Run(InSandbox("true"));
  CHECK(stopped.exit.code == 125);
  CHECK_THAT(stopped.err, Contains("workmux: ") && Contains("hint: "));
}

TEST_CASE("Sandbox run: where docker is not installed the code is 125") {
  WorkmuxWorld world("sandbox:\n  backend: container\n  image: workmux-test:base\n");
  for (const char* program : {"git", "sh", "env"}) {
    std::filesystem::create_symlink(std::filesystem::path("/usr/bin") / program,
                                    world.bin() / program);
  }
  world.env()["PATH"] = world.bin();
  const CommandResult result = world.Run(InSandbox("true"));
  CHECK(result.exit.code == 125);
  CHECK_THAT(result.err, Contains("docker") && Contains("hint: "));
}

TEST_CASE("Sandbox run: without bubblewrap, or where it may not work, the code is 125") {
  if (!HaveBubblewrap()) return;
  WorkmuxWorld world(ConfigFor(Engine::kNamespace));
  SECTION("not installed") {
    for (const char* program : {"git", "sh", "env"}) {
      std::filesystem::create_symlink(std::filesystem::path("/usr/bin") / program,
                                      world.bin() / program);
    }
    world.env()["PATH"] = world.bin();
    const CommandResult result = world.Run(InSandbox("true"));
    CHECK(result.exit.code == 125);
    CHECK_THAT(result.err, Contains("bwrap") && Contains("hint: "));
  }
  SECTION("user namespaces are forbidden") {
    // The words of bubblewrap 0.8 on a kernel that refuses them.
    world.Install(
        "bwrap",
        "#!/bin/sh\n"
        "case $1 in --version) echo 'bubblewrap 0.8.0'; exit 0;; esac\n"
        "echo 'bwrap: No permissions to create new namespace, likely because the kernel does not "
        "allow non-privileged user namespaces.' >&2\nexit 1\n");
    const CommandResult result = world.Run(InSandbox("true"));
    CHECK(result.exit.code == 125);
    CHECK_THAT(result.err, Contains("user namespaces") && Contains("hint: "));
  }
}

}  // namespace workmux::test
