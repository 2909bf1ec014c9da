#include <set>

#include "tests/support/attack_stage.h"
#include "tests/support/catch.h"
#include "tests/support/wait_until.h"

namespace workmux::test {
namespace {

namespace fs = std::filesystem;
using Catch::Contains;

// Everything that a repository can name and git or workmux would run, with marks
// below $WM_MARK, in the repository whose git directory is $1.
constexpr char kPoison[] = R"sh(
poison() {
  git --git-dir="$1" config core.fsmonitor ": > $WM_MARK-fsmonitor #"
  git --git-dir="$1" config filter.e.clean ": > $WM_MARK-clean; cat"
  git --git-dir="$1" config filter.e.smudge ": > $WM_MARK-smudge; cat"
  git --git-dir="$1" config diff.external ": > $WM_MARK-diff #"
  git --git-dir="$1" config core.sshCommand ": > $WM_MARK-ssh #"
  mkdir -p "$1/hooks"
  for hook in post-checkout post-index-change reference-transaction pre-commit pre-merge-commit; do
    printf '#!/bin/sh\n: > "%s-%s"\n' "$WM_MARK" $hook > "$1/hooks/$hook"
    chmod +x "$1/hooks/$hook"
  done
}
)sh";

struct RepositoryStage : AttackStage {
  explicit RepositoryStage(const std::string& engine) {
    world.SetConfig("agent: claude\n" + SandboxConfigFor(engine));
    world.StartTmux();
  }
  fs::path Mark() const { return world.home() / "mark"; }
  std::string Export() const { return "WM_MARK='" + Mark().string() + "'\n" + kPoison; }
  // What ran on the host since the last call.
  std::string Marks() const {
    std::set<std::string> marks;
    for (const auto& entry : fs::directory_iterator(world.home())) {
      const std::string name = entry.path().filename().string();
      if (name.starts_with("mark-")) marks.insert(name);
    }
    std::string all;
    for (const std::string& name : marks) {
      fs::remove(world.home() / name);
      all += name + " ";
    }
    return all;
  }
  CommandResult At(const fs::path& cwd, const std::vector<std::string>& arguments) const {
    return world.Run(arguments, {.cwd = cwd, .env = {}, .input = {}});
  }
  // Verbs that only look, and verbs that act, from this directory.
  void LookAround(const fs::path& cwd) const {
    for (const std::vector<std::string>& arguments :
         {std::vector<std::string>{"list"}, {"list", "--git"}, {"status"}, {"path", "topic"}})
      At(cwd, arguments);
  }
  std::string Shell(const fs::path& cwd, const std::string& script) const {
    const CommandResult result =
        world.RunCommand({"/bin/sh", "-c", script}, {.cwd = cwd, .env = {}, .input = {}});
    return result.out + result.err;
  }
};

constexpr char kPlainGit[] = "git status; git diff; touch f; git add f; git commit -qm x; true";

}  // namespace

// Control: plain git in the user's shell, in the same directories.
TEST_CASE("Attack F10: repositories inside of a worktree run nothing when workmux looks at it",
          "[attack][F10][namespace][docker][podman]") {
  for (const std::string& engine : kEngines) {
    if (!CanUse(engine)) continue;
    INFO(engine);
    RepositoryStage stage(engine);
    const CommandResult inside = stage.Inside(stage.Export() + R"sh(
      git init -q inner && cd inner && echo a > f && echo '* filter=e' > .gitattributes
      git add . && git commit -qm inner && poison .git && echo b > f && cd ..
      git init -q other && git -C other commit -q --allow-empty -m other && poison other/.git
      cr=$(printf 'inner\r')
      ln -s "$(git rev-parse --git-common-dir)/hooks" "$cr"
      printf '[submodule "a"]\n\tpath = "inner\r"\n\turl = "ext::sh -c :%% >%% mark-url"\n' > .gitmodules
      printf '[submodule "../../hooks"]\n\tpath = other\n\turl = ./other\n' >> .gitmodules
      git add .gitmodules "$cr" && git commit -qm modules
      git add inner other 2>/dev/null && git commit -qm gitlinks
      echo planted)sh");
    INFO(inside.out << inside.err);
    REQUIRE_THAT(inside.out, Contains("planted"));
    for (const fs::path& cwd : {stage.tree, stage.tree / "inner", stage.tree / "other"}) {
      stage.LookAround(cwd);
      stage.At(cwd, {"sandbox", "run", ".", "--", "true"});
    }
    stage.At(stage.world.repo(), {"add", "next", "--base", "topic", "-b", "-C"});
    CHECK(stage.Marks() == "");
    // With the gitlink in the host's own index, which is the user's doing.
    INFO(stage.Shell(stage.tree, "git -c core.hooksPath= add -f inner; git ls-files -s inner"));
    stage.Marks();
    stage.LookAround(stage.tree);
    stage.At(stage.world.repo(), {"merge", "topic", "--keep"});
    CHECK(stage.Marks() == "");

    INFO(stage.Shell(stage.tree, "git status; git diff"));
    CHECK(stage.Marks() != "");
    stage.Shell(stage.tree / "other", kPlainGit);
    CHECK_THAT(stage.Marks(), Contains("fsmonitor") && Contains("pre-commit"));
    stage.At(stage.world.repo(), {"remove", "topic", "-f"});
    CHECK(stage.Marks() == "");
  }
}

// Control: plain git in the same directory.
TEST_CASE("Attack F11: a bare repository among the files is none of workmux'",
          "[attack][F11][namespace][docker][podman]") {
  for (const std::string& engine : kEngines) {
    if (!CanUse(engine)) continue;
    INFO(engine);
    RepositoryStage stage(engine);
    const CommandResult inside = stage.Inside(stage.Export() + R"sh(
      git init -q --bare lib/bare && poison lib/bare
      git --git-dir=lib/bare config core.bare false
      git --git-dir=lib/bare config core.worktree "$PWD/lib"
      echo planted)sh");
    INFO(inside.err);
    REQUIRE_THAT(inside.out, Contains("planted"));
    const fs::path bare = stage.tree / "lib/bare";
    for (const fs::path& cwd : {bare, bare / "objects", stage.tree / "lib"}) {
      stage.LookAround(cwd);
      stage.At(cwd, {"sandbox", "run", ".", "--", "true"});
      stage.At(cwd, {"add", "next", "-b", "-C"});
      stage.At(cwd, {"merge", "next", "--keep"});
      stage.At(cwd, {"remove", "next", "-f"});
    }
    CHECK(stage.Marks() == "");
    stage.Shell(bare, kPlainGit);
    CHECK(stage.Marks() != "");
  }
}

// Control: after `workmux trust` the same verbs follow it.
TEST_CASE("Attack F13: a configuration that a sandbox wrote does nothing before it is approved",
          "[attack][F13][namespace][docker][podman]") {
  for (const std::string& engine : kEngines) {
    if (!CanUse(engine)) continue;
    INFO(engine);
    RepositoryStage stage(engine);
    stage.world.SetProjectConfig("agent: claude\n");
    const std::string mark = stage.Mark().string();
    const std::string yaml =
        "agent: ': > " + mark + "-agent'\npost_create: [': > " + mark +
        "-create']\npre_merge: [': > " + mark + "-merge']\npre_remove: [': > " + mark +
        "-remove']\npanes: [{command: ': > " + mark + "-pane'}]\nsandbox: {enabled: false}\n";
    // In its worktree, in the main checkout, and in a repository of its own making.
    const CommandResult inside =
        stage.Inside(stage.Export() + "cat > .workmux.yaml <<'END'\n" + yaml +
                     "END\ncp .workmux.yaml '" + stage.world.repo().string() +
                     "'; git init -q inner && git -C inner commit -q --allow-empty -m x && "
                     "cp .workmux.yaml inner && poison inner/.git && echo planted");
    INFO(inside.err);
    REQUIRE_THAT(inside.out, Contains("planted"));
    for (const fs::path& cwd : {stage.tree, stage.world.repo(), stage.tree / "inner"}) {
      INFO(cwd);
      for (const std::vector<std::string>& arguments :
           {std::vector<std::string>{"add", "next", "-b"},
            {"open", "topic"},
            {"merge", "topic"},
            {"remove", "topic", "-f"},
            {"sandbox", "run", ".", "--", "true"}}) {
        INFO(arguments[0]);
        const CommandResult refused = stage.At(cwd, arguments);
        CHECK_FALSE(refused.exit.ok());
        // In the repository inside, `topic` is not known before anything else.
        if (cwd != stage.tree / "inner" || arguments[0] == "add" || arguments[0] == "sandbox")
          CHECK_THAT(refused.err, Contains("workmux trust"));
      }
      stage.LookAround(cwd);
    }
    CHECK(stage.Marks() == "");

    for (const fs::path& cwd : {stage.tree, stage.tree / "inner"}) {
      INFO(cwd);
      stage.world.Must({"trust", "--yes"}, {.cwd = cwd, .env = {}, .input = {}});
      // The sandbox of a moment ago may still be on its way out.
      CommandResult added;
      WaitUntil([&] { return (added = stage.At(cwd, {"add", "next", "-b", "-C"})).exit.ok(); });
      INFO(added.err);
      CHECK(stage.Marks() != "");
    }
  }
}

}  // namespace workmux::test
