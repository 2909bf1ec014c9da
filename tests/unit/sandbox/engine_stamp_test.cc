#include "daemon/adapters/container/engine_stamp.h"

#include "common/process/command_runner.h"
#include "daemon/adapters/container/container_backend.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace workmux::daemon {
namespace {

namespace fs = std::filesystem;
using test::Must;
using test::WriteFile;

// A person with two contexts beside Docker's own.
struct Home {
  Home() {
    env = {{"HOME", dir.path().string()}, {"PATH", "/nowhere"}};
    AddContext(kRootless, "rootless", "unix://" + Socket("one"));
    AddContext(kOther, "other", "unix://" + Socket("two"));
  }
  // `echo -n NAME | sha256sum`
  static constexpr char kRootless[] =
      "12b961af5feb3e9d39f93b2cefb9a1a944f18d02cca0cac2f04f5a982240605f";
  static constexpr char kOther[] =
      "d9298a10d1b0735837dc4bd85dac641b0f3cef27a47e5d53a54f2f3f5b2fcffa";

  std::string Socket(const std::string& engine) const { return dir / engine / "docker.sock"; }
  void AddContext(const std::string& place, const std::string& name, const std::string& host) {
    WriteFile(dir / ".docker/contexts/meta" / place / "meta.json",
              Format(R"({{"Name":"{}","Metadata":{{}},"Endpoints":{{"docker":{{"Host":"{}"}}}}}})",
                     name, host));
  }
  void Use(const std::string& context) {
    WriteFile(dir / ".docker/config.json",
              Format(R"({{"auths":{{}},"currentContext":"{}"}})", context));
  }
  std::optional<std::string> Stamp(const char* runtime = "docker") const {
    return EngineStamp(Must(RuntimeTraitsFor(runtime)), env);
  }

  test::TempDir dir;
  Env env;
};

// The same engine everywhere, as far as it says.
class SameEngine : public CommandRunner {
 public:
  absl::StatusOr<CommandResult> Run(const Command& command, const RunOptions&) override {
    const bool version = command.argv.at(1) == "version";
    versions += version ? 1 : 0;
    return CommandResult{.exit = {}, .out = version ? "{\"v\":1}\n" : "sha256:i\n[]\n", .err = {}};
  }
  absl::StatusOr<ExitStatus> Stream(const Command&, const RunOptions&, OutputFn) override {
    return Unimplemented("not needed");
  }
  int versions = 0;
};

}  // namespace

TEST_CASE("DockerHost: DOCKER_HOST, DOCKER_CONTEXT, the context in use, the default") {
  Home home;
  CHECK(DockerHost(home.env) == "unix:///var/run/docker.sock");
  home.Use("default");
  CHECK(DockerHost(home.env) == "unix:///var/run/docker.sock");
  home.Use("rootless");
  CHECK(DockerHost(home.env) == "unix://" + home.Socket("one"));
  home.env["DOCKER_CONTEXT"] = "other";
  CHECK(DockerHost(home.env) == "unix://" + home.Socket("two"));
  home.env["DOCKER_HOST"] = "tcp://far:2376";
  CHECK(DockerHost(home.env) == "tcp://far:2376");
}

TEST_CASE("DockerHost: files that are not understood name no engine") {
  Home home;
  home.Use("not there");
  CHECK_FALSE(DockerHost(home.env).has_value());
  CHECK_FALSE(home.Stamp().has_value());
  for (const char* text : {"{", "[]", R"({"currentContext":5})"}) {
    INFO(text);
    WriteFile(home.dir / ".docker/config.json", text);
    CHECK_FALSE(DockerHost(home.env).has_value());
  }
  home.Use("rootless");
  home.AddContext(Home::kRootless, "rootless", "");
  CHECK_FALSE(DockerHost(home.env).has_value());
}

TEST_CASE("EngineStamp: another engine, and the same one anew, is seen") {
  Home home;
  home.Use("rootless");
  const auto first = home.Stamp();
  REQUIRE(first.has_value());
  CHECK(home.Stamp() == first);
  for (const char* file : {"one/docker.sock", "one/docker.pid", ".config/docker/daemon.json"}) {
    INFO(file);
    const auto before = home.Stamp();
    WriteFile(home.dir / file, "new");
    CHECK(home.Stamp() != before);
  }
  const auto started = home.Stamp();
  home.Use("other");
  CHECK(home.Stamp() != started);
  home.env["DOCKER_HOST"] = "unix://" + home.Socket("one");
  CHECK(home.Stamp() == started);
  // Nothing can be seen of it.
  home.env["DOCKER_HOST"] = "tcp://far:2376";
  CHECK_FALSE(home.Stamp().has_value());
}

TEST_CASE("EngineStamp: Podman's configuration and its service") {
  Home home;
  const auto first = home.Stamp("podman");
  REQUIRE(first.has_value());
  for (const char* file : {"containers.conf", "containers.conf.d/a.conf", "podman-connections.json",
                           "containers.conf.d/a.conf"}) {
    INFO(file);
    const auto before = home.Stamp("podman");
    WriteFile(home.dir / ".config/containers" / file, *before);
    CHECK(home.Stamp("podman") != before);
  }
  const auto own = home.Stamp("podman");
  home.env["CONTAINER_HOST"] = "unix://" + home.Socket("one");
  CHECK(home.Stamp("podman").has_value());
  CHECK(home.Stamp("podman") != own);
  home.env["CONTAINER_CONNECTION"] = "far";
  CHECK_FALSE(home.Stamp("podman").has_value());
}

TEST_CASE("Provenance: an engine that took another's place is not taken for it") {
  Home home;
  SameEngine engine;
  ContainerBackend backend(engine, Must(RuntimeTraitsFor("docker")), home.env, "test",
                           "/nonexistent");
  const auto provenance = [&] { return Must(backend.Provenance("image")).text; };
  home.Use("rootless");
  const std::string one = provenance();
  CHECK(provenance() == one);
  CHECK(engine.versions == 1);
  home.Use("other");
  CHECK(provenance() != one);
  CHECK(engine.versions == 2);
  home.Use("rootless");
  CHECK(provenance() == one);
  // One that is far away is asked each time.
  home.env["DOCKER_HOST"] = "tcp://far:2376";
  ContainerBackend far(engine, Must(RuntimeTraitsFor("docker")), home.env, "test", "/nonexistent");
  const std::string there = Must(far.Provenance("image")).text;
  CHECK(there != one);
  CHECK(Must(far.Provenance("image")).text == there);
  CHECK(engine.versions == 5);
  home.env["DOCKER_HOST"] = "tcp://farther:2376";
  ContainerBackend farther(engine, Must(RuntimeTraitsFor("docker")), home.env, "test",
                           "/nonexistent");
  CHECK(Must(farther.Provenance("image")).text != there);
}

}  // namespace workmux::daemon
