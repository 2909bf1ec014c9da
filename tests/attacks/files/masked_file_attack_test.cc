#include <csignal>
#include <functional>
#include <iostream>

#include "tests/support/attack_stage.h"
#include "tests/support/catch.h"
#include "tests/support/wait_until.h"

namespace workmux::test {
namespace {

namespace fs = std::filesystem;
using Catch::Contains;

constexpr char kSecret[] = "canary-51ac9e";
constexpr int kSaves = 2000;

std::string ConfigWith(const std::string& engine, const std::string& main_worktree) {
  return SandboxConfigFor(engine, "    excluded_files: [.env, conf/secret]\n") +
         "  main_worktree: " + main_worktree + "\n";
}

// Wherever the main checkout's and the worktree's file might be seen.
std::vector<std::string> PathsTo(const AttackStage& stage) {
  const std::string main = stage.world.repo().string();
  return {".env",
          "conf/secret",
          "link",
          main + "/.env",
          main + "/conf/secret",
          "../" + stage.world.repo().filename().string() + "/.env",
          "/proc/self/cwd/.env",
          "/proc/self/root" + main + "/.env",
          "/proc/1/root" + main + "/.env",
          "/proc/1/cwd/.env",
          "/tmp/.env",
          "$HOME/.env"};
}

struct Replacement {
  const char* name;
  std::function<void(const AttackStage&)> make;
};

// Each takes the mask away from the name in the main checkout.
std::vector<Replacement> Replacements() {
  const auto file = [](const AttackStage& stage) { return stage.world.repo() / ".env"; };
  return {{"renamed over", [=](const auto& stage) { SaveByRename(file(stage), kSecret); }},
          {"removed and made anew",
           [=](const auto& stage) {
             fs::remove(file(stage));
             WriteFile(file(stage), kSecret);
           }},
          {"checked out", [](const auto& stage) {
             stage.world.RunCommand({"git", "checkout", "--quiet", "second", "--", ".env"},
                                    {.cwd = stage.world.repo(), .env = {}, .input = {}});
           }}};
}

// The file is tracked, with the secret on branch `second` and none on main.
void TrackSecret(AttackStage& stage) {
  GitRepo& git = stage.world.git();
  git.Commit(".env", "nothing yet\n", "first");
  git.Git({"checkout", "--quiet", "-b", "second"});
  git.Commit(".env", std::string(kSecret) + "\n", "second");
  git.Git({"checkout", "--quiet", "main"});
}

}  // namespace

// Detected: the kernel drops the mask with the name, and tells afterwards.
// Control: the same replacement while no daemon watches, where the sandbox goes on and reads it.
TEST_CASE("Attack F16: a replaced mask is noticed, and ends the sandbox",
          "[attack][F16][detected][namespace][docker][podman]") {
  for (const std::string& engine : kEngines) {
    if (!CanUse(engine)) continue;
    AttackStage stage;
    stage.world.SetConfig(ConfigWith(engine, "rw"));
    TrackSecret(stage);
    for (const Replacement& replacement : Replacements()) {
      INFO(engine << ", " << replacement.name);
      stage.world.git().Git({"checkout", "--quiet", "main", "--", ".env"});
      auto polling = stage.StartPolling(kSecret, PathsTo(stage));
      // Writing in place keeps the mask, so this is never seen.
      for (int i = 0; i < 100; ++i) WriteFile(stage.world.repo() / ".env", kSecret);
      REQUIRE(stage.PollsOn(100));
      CHECK(stage.Counted().hits == 0);
      CHECK_FALSE(polling->Ended());

      replacement.make(stage);
      const auto still = stage.StoodStillAfter(std::chrono::steady_clock::now());
      std::cout << engine << ", " << replacement.name << ": still after " << still.count()
                << " ms\n";
      CHECK(still < std::chrono::milliseconds(500));  // 100 on a machine that is not busy
      CHECK(polling->Wait() != 0);
      INFO(polling->err());
      CHECK_THAT(polling->err(), Contains(".env was replaced on the host"));
      const auto counted = stage.Counted();
      CHECK(WaitUntil([&] { return ProcessesMarked(stage.attacker()).empty(); }));
      CHECK(stage.Counted().rounds == counted.rounds);
    }

    stage.world.git().Git({"checkout", "--quiet", "main", "--", ".env"});
    auto polling = stage.StartPolling(kSecret, PathsTo(stage));
    stage.world.Must({"daemon", "stop"});
    SaveByRename(stage.world.repo() / ".env", kSecret);
    CHECK(WaitUntil([&] { return stage.Counted().hits > 0; }));
    CHECK(stage.PollsOn(100));
    CHECK_FALSE(polling->Ended());
    // A daemon that comes back finds out.
    stage.world.Must({"list"});
    CHECK(polling->Wait() != 0);
    CHECK(WaitUntil([&] { return ProcessesMarked(stage.attacker()).empty(); }));
  }
}

// Control: the same saves with a mask instead, where bytes are seen before the sandbox ends.
TEST_CASE("Attack F16: without the main worktree a secret that is saved is never seen",
          "[attack][F16][namespace][docker][podman]") {
  for (const std::string& engine : kEngines) {
    if (!CanUse(engine)) continue;
    INFO(engine);
    AttackStage stage;
    const fs::path secret = stage.world.repo() / ".env";
    const fs::path second = stage.world.repo() / "conf/secret";
    WriteFile(secret, kSecret);
    WriteFile(second, kSecret);
    WriteFile(stage.world.repo() / "conf/plain", "seen\n");
    fs::create_symlink(".env", stage.world.repo() / "alias");
    fs::create_symlink(secret, stage.tree / "link");
    const std::string files = "files:\n  copy: [.env, alias, conf]\n  symlink: [.env]\n";
    stage.world.SetConfig(ConfigWith(engine, "none") + "  enabled: true\n" + files);

    // What add makes has none of it either.
    stage.world.StartTmux();
    const CommandResult added = stage.world.Run({"add", "fresh", "-b", "-C"});
    INFO(added.out << added.err);
    REQUIRE(added.exit.ok());
    CHECK_THAT(added.out + added.err, Contains("excluded_files"));
    const fs::path fresh = stage.world.Must({"path", "fresh"});
    CHECK(fs::exists(fresh / "conf/plain"));
    for (const auto& entry : fs::recursive_directory_iterator(fresh)) {
      if (entry.is_regular_file())
        CHECK(ReadWholeFile(entry.path()).find(kSecret) == std::string::npos);
    }

    const auto polling = stage.StartPolling(kSecret, PathsTo(stage));
    const std::uint64_t begin = stage.Counted().rounds;
    for (int i = 0; i < kSaves; ++i) {
      SaveByRename(i % 2 == 0 ? secret : second, kSecret + std::to_string(i));
    }
    REQUIRE(stage.PollsOn(100));
    CHECK(stage.Counted().rounds > begin);
    CHECK(stage.Counted().hits == 0);
    CHECK_FALSE(polling->Ended());
    polling->Signal(SIGTERM);
    polling->Wait();

    stage.world.SetConfig(ConfigWith(engine, "rw"));
    bool seen = false;
    for (int attempt = 0; attempt < 10 && !seen; ++attempt) {
      const auto masked = stage.StartPolling(kSecret, PathsTo(stage));
      CHECK(stage.Counted().hits == 0);
      SaveByRename(secret, kSecret);
      CHECK(masked->Wait() != 0);
      seen = stage.Counted().hits > 0;
    }
    CHECK(seen);
  }
}

// Control: the same without the key, where every path shows it.
TEST_CASE("Attack F17: a masked file is seen by no other path",
          "[attack][F17][namespace][docker][podman]") {
  for (const std::string& engine : kEngines) {
    if (!CanUse(engine)) continue;
    INFO(engine);
    AttackStage stage;
    const fs::path repo = stage.world.repo();
    const fs::path beside = stage.world.area() / "beside";
    WriteFile(beside / "deep/.env", kSecret);
    WriteFile(repo / ".env", kSecret);
    WriteFile(repo / "conf/secret", kSecret);
    WriteFile(stage.tree / "conf/secret", kSecret);
    // The worktree's file is another one of the host's, by way of a mounted directory.
    fs::create_symlink(beside / "deep/.env", stage.tree / ".env");
    const std::string mounts = "  extra_mounts:\n    - " + beside.string() +
                               "\n    - {host_path: " + beside.string() +
                               ", guest_path: /mnt/again, writable: true}\n    - {host_path: " +
                               (beside / "deep").string() + ", guest_path: /mnt/deep}\n";
    const std::string script =
        "main='" + repo.string() + "'; beside='" + beside.string() +
        "'\n"
        "look() { for f in .env conf/secret $main/.env $main/conf/secret $beside/deep/.env "
        "/mnt/again/deep/.env /mnt/deep/.env /proc/self/root$main/.env /proc/1/root$main/.env "
        "/proc/self/cwd/.env $main/conf/../.env x y z; do cat $f; done; grep -rs canary- . $main "
        "$beside /mnt; }\n"
        "look\n"
        "for f in .env $main/.env conf/secret /mnt/again/deep/.env; do\n"
        "  ln $f x; ln -s $f y; mv $f z; cp $f z; rm -f $f; umount $f\n"
        "  mv $(dirname $f) $(dirname $f).away; look\n"
        "done\n"
        "unshare -Urm sh -c \"umount $main/.env; cat $main/.env\"\n"
        "unshare -Urm sh -c \"mount --bind $main /mnt; cat /mnt/.env\"\n"
        "echo over";
    stage.world.SetConfig(SandboxConfigFor(engine) + mounts);
    const CommandResult shown =
        stage.Inside("for f in .env conf/secret '" + repo.string() + "/.env' '" + repo.string() +
                     "/conf/secret' '" + beside.string() +
                     "/deep/.env' /mnt/again/deep/.env /mnt/deep/.env; do cat \"$f\"; echo; done");
    INFO(shown.err);
    std::string all;
    for (int i = 0; i < 7; ++i) all += std::string(kSecret) + "\n";
    CHECK(shown.out == all);

    stage.world.SetConfig(SandboxConfigFor(engine, "    excluded_files: [.env, conf/secret]\n") +
                          mounts);
    const CommandResult hidden = stage.Inside(script);
    INFO(hidden.err);
    CHECK_THAT(hidden.out, Contains("over") && !Contains(kSecret));
  }
}

// Detected: a file's other names and git's history are not looked for.
// Control: the same names inside, which do show it; so the warning is for a reason.
TEST_CASE("Attack F17: names that no mask covers are told at the start",
          "[attack][F17][detected][namespace][docker][podman]") {
  for (const std::string& engine : kEngines) {
    if (!CanUse(engine)) continue;
    INFO(engine);
    AttackStage stage;
    WriteFile(stage.tree / ".env", kSecret);
    fs::create_hard_link(stage.tree / ".env", stage.tree / "twin");
    stage.world.git().Commit("conf/secret", kSecret, "tracked", stage.tree);
    stage.world.SetConfig(SandboxConfigFor(engine, "    excluded_files: [.env, conf/secret]\n"));
    const CommandResult run =
        stage.Inside("cat .env conf/secret; echo -; cat twin; echo; git show HEAD:conf/secret");
    INFO(run.err);
    CHECK(run.out == "-\n" + std::string(kSecret) + "\n" + kSecret);
    CHECK_THAT(run.err,
               Contains(".env: has another name") && Contains("conf/secret: is tracked by git"));
  }
}

}  // namespace workmux::test
