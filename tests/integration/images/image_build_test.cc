#include <unistd.h>

#include <cstdlib>

#include "common/base/strings.h"
#include "daemon/domain/image_manager.h"
#include "tests/fakes/fake_images.h"
#include "tests/fakes/manual_executor.h"
#include "tests/integration/images/engines.h"

namespace workmux::daemon {
namespace {

constexpr char kFrom[] = "localhost/workmux-test-node:1";
constexpr char kTag[] = "localhost/workmux-test-codex:1";
constexpr char kAuthorities[] = "/etc/ssl/certs/ca-certificates.crt";

CommandResult Run(std::vector<std::string> argv, const std::string& input = "",
                  std::chrono::seconds limit = std::chrono::seconds(600)) {
  PosixCommandRunner runner;
  RunOptions options;
  options.timeout = limit;
  Command command{.argv = std::move(argv), .env = CurrentEnv()};
  command.stdin_data = input;
  return test::Must(runner.Run(command, options));
}

// The image of the tests with Node.js and npm from the distribution, and with this
// machine's authorities: what stands between it and npm's registry may need them.
bool MadeNodeImage() {
  test::TempDir context;
  std::filesystem::copy_file(kAuthorities, context / "ca.crt");
  test::WriteFile(context / "Dockerfile",
                  "FROM " + test::TestImage() +
                      "\nCOPY ca.crt /usr/local/share/host-ca.crt\n"
                      "ENV NODE_EXTRA_CA_CERTS=/usr/local/share/host-ca.crt "
                      "NPM_CONFIG_CAFILE=/usr/local/share/host-ca.crt\n"
                      "RUN apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y "
                      "--no-install-recommends nodejs npm && rm -rf /var/lib/apt/lists/* && "
                      "npm view @openai/codex version\n");
  const CommandResult built = Run({"docker", "build", "-t", kFrom, context.path().string()});
  if (built.exit.ok()) return true;
  std::cout << "SKIPPED: containers reach no package registry: " << LastLines(built.err, 2) << "\n";
  return false;
}

TEST_CASE("Build: the image for codex is built from npm and runs as any user") {
  if (!test::HaveDocker() || !MadeNodeImage()) return;
  PosixCommandRunner runner;
  EngineImages images(runner, test::Must(RuntimeTraitsFor("docker")), CurrentEnv());
  test::FakeImageRecords records;
  test::ManualExecutor executor;
  ImageManager manager({.records = records, .executor = executor, .now = [] { return 0; }});
  test::FakeProgress progress;
  const absl::Status built = manager.Build(
      images, {.image = kTag, .agent = "codex", .from = kFrom, .version = ""}, progress, {});
  INFO(Join(progress.output, "\n"));
  REQUIRE_OK(built);
  CHECK(progress.output.size() > 5);

  const CommandResult ran =
      Run({"docker", "run", "--rm", "--network=none", "--user=12345:54321", "--env=HOME=/tmp",
           "--cap-drop=ALL", "--security-opt=no-new-privileges", kTag, "sh", "-c",
           "codex --version && mkdir /home/user/.codex && git --version && command -v iptables; "
           "echo setuid: $(find / -xdev -type f -perm /6000 2>/dev/null | wc -l); "
           "command -v workmux || echo no-workmux"});
  INFO(ran.out << ran.err);
  CHECK(ran.out.find("codex") != std::string::npos);
  CHECK(ran.out.find("git version") != std::string::npos);
  CHECK(ran.out.find("setuid: 0") != std::string::npos);
  CHECK(ran.out.find("no-workmux") != std::string::npos);
  Run({"docker", "rmi", "--force", kTag});
}

TEST_CASE("Build: a step that fails, and an image to build on that is not there, are errors") {
  for (const std::string& engine : test::Engines()) {
    INFO(engine);
    test::EngineWorld w(engine);
    const auto build = [&](const std::string& recipe) {
      return w.images.Build(
          {.tag = "localhost/workmux-test-fail:1", .recipe = recipe, .arguments = {}}, w.progress,
          {});
    };
    const std::string mark = "told-you-" + std::to_string(::getpid());
    const absl::Status failed =
        build("FROM " + test::TestImage() + "\nRUN echo " + mark + "; false\n");
    CHECK_FALSE(failed.ok());
    CHECK(MessageOf(failed).find("the build failed") != std::string::npos);
    CHECK(Join(w.progress.output, "\n").find(mark) != std::string::npos);
    // Nothing of the step is left.
    const CommandResult left =
        Run({engine, "ps", "--all", "--no-trunc", "--format", "{{.Command}}"});
    CHECK(left.out.find(mark) == std::string::npos);
    const absl::Status absent = build("FROM " + w.Image("team/none:1") + "\n");
    CHECK(ReasonOf(absent) == "IMAGE_UNKNOWN");
  }
}

}  // namespace
}  // namespace workmux::daemon
