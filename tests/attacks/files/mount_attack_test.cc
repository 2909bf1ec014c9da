#include <unistd.h>

#include <atomic>
#include <random>
#include <thread>

#include "common/base/unique_fd.h"
#include "common/io/socket.h"
#include "tests/support/attack_stage.h"
#include "tests/support/catch.h"
#include "tests/support/status_matchers.h"

namespace workmux::test {
namespace {

namespace fs = std::filesystem;
using Catch::Contains;

constexpr char kSecret[] = "canary-2b77fe";
constexpr int kStarts = 20;

// Puts a link in the place of a directory and takes it away again, as another
// sandbox does that can write above it.
class Flipper {
 public:
  Flipper(fs::path place, std::string target)
      : place_(std::move(place)), target_(std::move(target)), thread_([this] { Flip(); }) {}
  ~Flipper() {
    stop_ = true;
    thread_.join();
  }
  Flipper(const Flipper&) = delete;
  Flipper& operator=(const Flipper&) = delete;
  int flips() const { return flips_; }

 private:
  void Flip() {
    const std::string old = place_.string() + "-old";
    std::mt19937 random(7);
    while (!stop_) {
      // Short enough to hit every step of a start, long enough to let some through.
      std::this_thread::sleep_for(std::chrono::microseconds(1u << random() % 19));
      if (::rename(place_.c_str(), old.c_str()) != 0) continue;
      if (::symlink(target_.c_str(), place_.c_str()) != 0) ::abort();
      std::this_thread::sleep_for(std::chrono::microseconds(1u << random() % 15));
      ::unlink(place_.c_str());
      ::rename(old.c_str(), place_.c_str());
      ++flips_;
    }
  }

  const fs::path place_;
  const std::string target_;
  std::atomic<bool> stop_{false};
  std::atomic<int> flips_{0};
  std::thread thread_;  // last: it uses all of the above
};

// The engine's client leaves out the look at the mounts from inside, and at the
// worst moment puts the link there itself.
void InstallTrickster(const WorkmuxWorld& world, const std::string& engine, const fs::path& place) {
  const std::string program = engine == "namespace" ? "bwrap" : engine;
  const std::string verb = engine == "namespace" ? "--args" : engine == "podman" ? "run" : "start";
  world.Install(program,
                "#!/bin/bash\nargs=()\nfor a in \"$@\"; do\n"
                "  case $a in /run/workmux/bin/workmux | enter) continue ;; esac\n"
                "  args+=(\"$a\")\ndone\n[ \"$1\" = " +
                    verb + " ] && { mv '" + place.string() + "' '" + place.string() +
                    "-old'; ln -s ../home '" + place.string() +
                    "'; }\nexec env PATH=/usr/local/bin:/usr/bin:/bin " + program +
                    " \"${args[@]}\"\n");
}

// Runs a shell script with `source` at /mnt, by the engine itself and without workmux.
CommandResult RawEngine(const WorkmuxWorld& world, const std::string& engine,
                        const std::string& source, const std::string& script) {
  std::vector<std::string> argv;
  if (engine == "namespace") {
    argv = {"bwrap",     "--dev",     "/dev",   "--ro-bind", "/usr",    "/usr",
            "--symlink", "usr/bin",   "/bin",   "--symlink", "usr/lib", "/lib",
            "--symlink", "usr/lib64", "/lib64", "--ro-bind", source,    "/mnt"};
  } else {
    argv = {engine, "run", "--rm", "--network", "none", "-v", source + ":/mnt:ro", TestImage()};
  }
  argv.insert(argv.end(), {"/bin/sh", "-c", script});
  return world.RunCommand(std::move(argv), {.cwd = "/", .env = {}, .input = {}});
}

}  // namespace

// Control: the same swap without the look at the mounts from inside, where the secret is read.
TEST_CASE("Attack F14: a source that flips while sandboxes start is the one looked at, or none",
          "[attack][F14][namespace][docker][podman]") {
  for (const std::string& engine : kEngines) {
    if (!CanUse(engine)) continue;
    AttackStage stage;
    stage.world.SetConfig("worktree_dir: .trees\n" + SandboxConfigFor(engine));
    const fs::path trees = stage.world.repo() / ".trees";
    WriteFile(stage.world.home() / "key", kSecret);
    WriteFile(trees / "key", "harmless\n");
    const std::string script =
        "cat '" + (trees / "key").string() + "' '" + trees.string() + "-old/key' 2>/dev/null; true";
    REQUIRE_THAT(stage.Inside(script).out, Contains("harmless"));
    int refused = 0;
    int started = 0;
    int flips = 0;
    {
      const Flipper flipper(trees, "../home");
      for (int i = 0; i < kStarts || (started == 0 && i < 3 * kStarts); ++i) {
        const CommandResult result = stage.Inside(script);
        INFO(engine << ": " << result.err);
        CHECK_THAT(result.out, !Contains(kSecret));
        // Who refuses it differs: workmux, or the program that mounts and finds nothing.
        CHECK((result.exit.code == 0 || result.out.empty()));
        ++(result.exit.code == 0 ? started : refused);
      }
      flips = flipper.flips();
    }
    INFO(engine << ": " << started << " started, " << refused << " refused, " << flips << " flips");
    CHECK(flips > kStarts);
    CHECK(started > 0);

    InstallTrickster(stage.world, engine, trees);
    // An engine that is still busy with the last one may refuse a start for its own reasons.
    CommandResult control;
    for (int attempt = 0; attempt < 5 && control.out.find(kSecret) == std::string::npos;
         ++attempt) {
      if (fs::is_symlink(trees)) fs::remove(trees);
      if (fs::exists(trees.string() + "-old")) fs::rename(trees.string() + "-old", trees);
      control = stage.Inside(script);
    }
    INFO(control.err);
    CHECK_THAT(control.out, Contains(kSecret));
  }
}

// Control: the engine itself, which mounts the same directories and shows what is in them.
TEST_CASE("Attack F18: a mount of the home, its parents or sockets of the host is refused",
          "[attack][F18][namespace][docker][podman]") {
  for (const std::string& engine : kEngines) {
    if (!CanUse(engine)) continue;
    AttackStage stage;
    WorkmuxWorld& world = stage.world;
    const fs::path home = world.home();
    WriteFile(home / "key", kSecret);
    WriteFile(home / "notes/key", "harmless");
    for (const char* dir : {".gnupg", ".docker/run", ".config/workmux"})
      fs::create_directories(home / dir);
    REQUIRE(world.Run({"list"}).exit.ok());  // makes the daemon's own directories
    fs::create_symlink(home, world.area() / "alias");
    fs::create_symlink(home / ".config", world.area() / "config");
    const UniqueFd agent = Must(ListenUnix(world.area() / "ssh-agent"));
    world.env()["SSH_AUTH_SOCK"] = world.area() / "ssh-agent";
    const auto run_with = [&](const std::string& source) {
      world.SetConfig(SandboxConfigFor(engine) + "  extra_mounts:\n    - host_path: '" + source +
                      "'\n      guest_path: /mnt\n");
      return stage.Inside("echo ran; cat /mnt/key 2>/dev/null");
    };
    std::vector<std::string> sources = {"~",
                                        "/",
                                        home.string(),
                                        home.string() + "/",
                                        home.parent_path().string(),
                                        (home / "notes/..").string(),
                                        (world.area() / "alias").string(),
                                        (world.area() / "config").string(),
                                        (world.area() / "ssh-agent").string(),
                                        "~/.gnupg",
                                        "~/.docker",
                                        "~/.config",
                                        "~/.config/workmux",
                                        "~/.local/state",
                                        "~/.local/state/workmux",
                                        world.runtime().string(),
                                        "/proc",
                                        "/proc/self/root",
                                        "/sys/fs",
                                        "/dev",
                                        "/run",
                                        "/var"};
    if (fs::exists("/var/run/docker.sock")) sources.push_back("/var/run/docker.sock");
    for (const std::string& source : sources) {
      const CommandResult refused = run_with(source);
      INFO(engine << ", " << source << "\n" << refused.out << refused.err);
      CHECK(refused.exit.code == 125);
      CHECK(refused.out.empty());
      CHECK_THAT(refused.err, Contains("extra_mounts") && Contains("hint: "));
    }
    CHECK(run_with("~/notes").out == "ran\nharmless");

    CHECK(RawEngine(world, engine, home.string(), "cat /mnt/key").out == kSecret);
    CHECK(RawEngine(world, engine, home.parent_path().string(), "cat /mnt/*/key").out == kSecret);
    // Connecting needs no write access to a socket's mount.
    const CommandResult socket =
        RawEngine(world, engine, world.area().string(),
                  "perl -MIO::Socket::UNIX -e 'print IO::Socket::UNIX->new(\"/mnt/ssh-agent\") ? "
                  "\"in\" : $!'");
    INFO(socket.err);
    CHECK(socket.out == "in");
  }
}

// Control: a directory that no name of is off limits, mounted at the same place.
TEST_CASE("Attack F19: another name for the same directory is as refused as its own",
          "[attack][F19][namespace]") {
  if (!HaveBubblewrap()) return;
  AttackStage stage;
  const fs::path alias = stage.world.area() / "ALIAS";
  const fs::path plain = stage.world.area() / "plain";
  fs::create_directories(alias);
  WriteFile(plain / "key", "harmless");
  WriteFile(stage.world.home() / "key", kSecret);
  WriteFile(stage.world.home() / ".config/workmux/key", kSecret);
  // A bind mount is to a path what a file system that folds case makes of it: two
  // names that no comparison of text tells to be one.
  const auto run_with = [&](const fs::path& shown) {
    stage.world.SetConfig(SandboxConfigFor("namespace") + "  extra_mounts:\n    - host_path: " +
                          alias.string() + "\n      guest_path: /mnt\n");
    return stage.world.RunCommand({"bwrap", "--dev-bind", "/", "/", "--bind", shown.string(),
                                   alias.string(), WorkmuxWorld::cli().string(), "sandbox", "run",
                                   stage.tree.string(), "--", "cat /mnt/key /mnt/*/key"},
                                  {.cwd = stage.tree, .env = {}, .input = {}});
  };
  for (const fs::path& shown :
       {stage.world.home(), stage.world.area(), stage.world.home() / ".config",
        stage.world.home() / ".config/workmux"}) {
    // The daemon has to see the mount too.
    stage.world.Run({"daemon", "stop"});
    const CommandResult refused = run_with(shown);
    INFO(shown << "\n" << refused.out << refused.err);
    CHECK(refused.exit.code == 125);
    CHECK_THAT(refused.err, Contains("extra_mounts"));
    CHECK_THAT(refused.out, !Contains(kSecret));
  }
  stage.world.Run({"daemon", "stop"});
  const CommandResult taken = run_with(plain);
  INFO(taken.err);
  CHECK(taken.out == "harmless");
}

}  // namespace workmux::test
