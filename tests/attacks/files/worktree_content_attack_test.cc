#include <sys/stat.h>

#include "tests/support/attack_stage.h"
#include "tests/support/catch.h"

namespace workmux::test {
namespace {

namespace fs = std::filesystem;
using Catch::Contains;

constexpr char kSecret[] = "canary-93d1f0";
constexpr char kHuge[] = "1T";

// Shell functions that put something else in the place of the file $1.
struct Trap {
  const char* name;
  std::string make;
};

std::vector<Trap> Traps(const fs::path& outside) {
  return {{"FIFO", "mkfifo \"$1\""},
          {"link to a device", "ln -s /dev/zero \"$1\""},
          {"link to a secret", "ln -s '" + (outside / "secret").string() + "' \"$1\""},
          {"huge file", "truncate -s " + std::string(kHuge) + " \"$1\""},
          {"directory", "mkdir \"$1\""},
          {"link to itself", "ln -s \"$(basename \"$1\")\" \"$1\""}};
}

bool TreeShows(const fs::path& root, const std::string& text) {
  for (const auto& entry : fs::recursive_directory_iterator(root)) {
    if (entry.is_symlink() || !entry.is_regular_file()) continue;
    if (entry.file_size() < 1 << 20 && ReadWholeFile(entry.path()).find(text) != std::string::npos)
      return true;
  }
  return false;
}

// How `cat` fares with the file, which is given one second.
std::string PlainCat(const AttackStage& stage) {
  return stage.world
      .RunCommand({"/bin/bash", "-c",
                   "timeout 1 cat .workmux.yaml | head -c 100000; echo \"exit ${PIPESTATUS[0]}\""},
                  {.cwd = stage.tree, .env = {}, .input = {}})
      .out;
}

}  // namespace

// Control: `cat` on the same files, which waits for ever, reads without end or shows the secret.
TEST_CASE("Attack F15: whatever stands in the place of a configuration is refused at once",
          "[attack][F15][namespace][docker][podman]") {
  for (const std::string& engine : kEngines) {
    if (!CanUse(engine)) continue;
    AttackStage stage;
    stage.world.SetConfig(SandboxConfigFor(engine));
    const fs::path outside = stage.world.area() / "outside";
    WriteFile(outside / "secret", std::string("agent: ") + kSecret + "\n");
    const fs::path file = stage.tree / ".workmux.yaml";
    for (const Trap& trap : Traps(outside)) {
      INFO(engine << ", " << trap.name);
      const CommandResult inside =
          stage.Inside("trap_() { " + trap.make + "; }\ntrap_ .workmux.yaml && echo planted");
      INFO(inside.err);
      REQUIRE_THAT(inside.out, Contains("planted"));
      for (const std::vector<std::string>& arguments : {std::vector<std::string>{"list"},
                                                        {"status"},
                                                        {"sandbox", "run", ".", "--", "true"},
                                                        {"trust", "--yes"},
                                                        {"merge", "--keep"}}) {
        INFO(arguments[0]);
        // A call that does not return in time fails the test.
        const CommandResult refused =
            stage.world.Run(arguments, {.cwd = stage.tree, .env = {}, .input = {}});
        CHECK_THAT(refused.out + refused.err, !Contains(kSecret));
        if (arguments[0] == "sandbox") CHECK(refused.exit.code == 125);
      }
      const std::string plain = PlainCat(stage);
      const std::string name = trap.name;
      if (name == "FIFO") CHECK_THAT(plain, Contains("exit 124"));
      if (name == "link to a device" || name == "huge file") CHECK(plain.size() > 100000);
      if (name == "link to a secret") CHECK_THAT(plain, Contains(kSecret));
      fs::remove(file);
    }
  }
}

// Control: `cp -rL` of the same directory, which brings the secret.
TEST_CASE("Attack F15: copies for a new worktree bring nothing from elsewhere and come to an end",
          "[attack][F15][namespace][docker][podman]") {
  for (const std::string& engine : kEngines) {
    if (!CanUse(engine)) continue;
    INFO(engine);
    AttackStage stage;
    stage.world.StartTmux();
    stage.world.SetConfig("files:\n  copy: [conf, one, fifo]\n  symlink: [two]\n" +
                          SandboxConfigFor(engine));
    const fs::path outside = stage.world.area() / "outside";
    WriteFile(outside / "secret", kSecret);
    std::string script = "cd '" + stage.world.repo().string() + "' || exit\nmkdir conf\n";
    int number = 0;
    for (const Trap& trap : Traps(outside)) {
      script += "trap_() { " + trap.make + "; }\ntrap_ conf/" + std::to_string(number++) + "\n";
    }
    script += "ln -s '" + outside.string() + "' conf/dir; ln -s . conf/loop; ln -s '" +
              (outside / "secret").string() + "' one; mkfifo fifo; ln -s '" + outside.string() +
              "' two; cd conf; for i in $(seq 150); do mkdir -p d && cd d; done; echo x > "
              "deep.txt; echo planted";
    const CommandResult inside = stage.Inside(script);
    INFO(inside.err);
    REQUIRE_THAT(inside.out, Contains("planted"));
    const CommandResult added = stage.world.Run({"add", "fresh", "-b", "-C"});
    INFO(added.out << added.err);
    CHECK(added.exit.ok());
    const fs::path fresh = stage.world.Must({"path", "fresh"});
    CHECK_FALSE(TreeShows(fresh, kSecret));
    CHECK_FALSE(fs::exists(fresh / "fifo"));
    struct stat huge {};
    REQUIRE(::stat((fresh / "conf/3").c_str(), &huge) == 0);
    CHECK(huge.st_blocks * 512 < 1 << 20);

    const std::string copy = "timeout 5 cp -rL --sparse=always conf/2 conf/dir copy";
    stage.world.RunCommand({"/bin/sh", "-c", "mkdir copy; " + copy},
                           {.cwd = stage.world.repo(), .env = {}, .input = {}});
    CHECK(TreeShows(stage.world.repo() / "copy", kSecret));
  }
}

// Control: `cp` of a file to the same place, which lands there.
TEST_CASE("Attack F15: a prompt is not written through what a branch brought",
          "[attack][F15][namespace][docker][podman]") {
  for (const std::string& engine : kEngines) {
    if (!CanUse(engine)) continue;
    INFO(engine);
    AttackStage stage;
    stage.world.StartTmux();
    stage.world.SetConfig("agent: claude\n" + SandboxConfigFor(engine));
    const fs::path outside = stage.world.area() / "outside";
    WriteFile(outside / "mine", "mine");
    for (const std::string& plant :
         std::vector<std::string>{"ln -s '" + outside.string() + "' .workmux",
                                  "mkdir .workmux; ln -s '" + (outside / "mine").string() +
                                      "' .workmux/PROMPT-fresh.md"}) {
      INFO(plant);
      const CommandResult inside =
          stage.Inside("rm -rf .workmux; " + plant +
                       "; git add -f .workmux && git commit -qm p && echo planted");
      INFO(inside.err);
      REQUIRE_THAT(inside.out, Contains("planted"));
      const CommandResult added =
          stage.world.Run({"add", "fresh", "--base", "topic", "-b", "-p", "the prompt"});
      INFO(added.out << added.err);
      // A link in the place of the file is replaced, one of the directory is refused.
      CHECK(added.exit.ok() == (plant.find("mkdir") == 0));
      CHECK(ReadWholeFile(outside / "mine") == "mine");
      CHECK_FALSE(fs::exists(outside / "PROMPT-fresh.md"));
      stage.world.Run({"remove", "fresh", "-f"});

      WriteFile(stage.world.area() / "prompt", "the prompt");
      stage.world.RunCommand(
          {"cp", (stage.world.area() / "prompt").string(), ".workmux/PROMPT-fresh.md"},
          {.cwd = stage.tree, .env = {}, .input = {}});
      CHECK((fs::exists(outside / "PROMPT-fresh.md") || ReadWholeFile(outside / "mine") != "mine"));
      fs::remove(outside / "PROMPT-fresh.md");
      WriteFile(outside / "mine", "mine");
    }
  }
}

}  // namespace workmux::test
