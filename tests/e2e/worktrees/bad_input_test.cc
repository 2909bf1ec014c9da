#include <sys/stat.h>

#include <filesystem>

#include "common/base/format.h"
#include "common/base/strings.h"
#include "common/io/socket.h"
#include "tests/e2e/worktrees/flows.h"
#include "tests/support/catch.h"
#include "tests/support/status_matchers.h"
#include "tests/support/wait_until.h"

namespace workmux::test {
namespace {

namespace fs = std::filesystem;

WorkmuxWorld::Where At(const fs::path& cwd) { return {.cwd = cwd, .env = {}, .input = {}}; }

}  // namespace

TEST_CASE("input: places that are no checkout", "[worktrees]") {
  if (!HaveTmux()) return;
  Flows f;
  const fs::path plain = f.world.area() / "plain";
  fs::create_directories(plain);
  const fs::path bare = f.world.area() / "bare.git";
  f.Git({"clone", "--quiet", "--bare", f.world.repo().string(), bare.string()});
  const std::string before = f.State();
  const std::vector<std::vector<std::string>> commands = {
      {"add", "x"},    {"open", "x"}, {"close", "x"}, {"merge", "x"},
      {"remove", "x"}, {"list"},      {"path", "x"},  {"trust"}};
  for (const std::vector<std::string>& command : commands) {
    INFO(command.front());
    CHECK(Refusal(f.world.Run(command, At(plain)), 1, "not inside a git repository") == "");
    CHECK(Refusal(f.world.Run(command, At(bare)), 1, "bare repository") == "");
  }
  CHECK(f.State() == before);
  fs::create_directories(f.world.area() / "gone");
  const CommandResult gone = f.world.RunCommand(
      {"sh", "-c", "cd ../gone && rmdir ../gone && exec \"$0\" list", WorkmuxWorld::cli().string()},
      {});
  CHECK(Refusal(gone, 1, "current directory") == "");
}

TEST_CASE("input: names that no branch can have", "[worktrees]") {
  if (!HaveTmux()) return;
  Flows f;
  const std::string before = f.State();
  for (const std::string& name :
       {std::string("a b"), std::string("a$(touch /tmp/x)"), std::string("a..b"),
        std::string("a\nb"), std::string("a\x1b[31m"), std::string(""), std::string(300, 'x'),
        std::string("x/.hidden"), std::string("@{-1}"), std::string("bad\xff"),
        std::string("end.lock")}) {
    INFO(Printable(name));
    CHECK(Refusal(f.world.Run({"add", "-b", "--", name}), 2, "") == "");
  }
  CHECK(Refusal(f.world.Run({"add", "-b", "--", "-x"}), 2, "does not start with '-'") == "");
  CHECK(Refusal(f.world.Run({"add", "-x"}), 2, "") == "");
  CHECK(f.State() == before);
}

TEST_CASE("input: odd names that a branch can have", "[worktrees]") {
  if (!HaveTmux()) return;
  Flows f;
  for (const std::string& name :
       {std::string("a;b"), std::string("ünï/日本語"), std::string("x'y\"z"),
        std::string("$(touch${IFS}pwned)"), std::string("#{pid}"), std::string(240, 'y')}) {
    INFO(name);
    const std::string told = f.world.Must({"add", "-b", "--", name});
    CHECK(told.find("for branch " + name) != std::string::npos);
    const std::string path = f.world.Must({"path", "--", name});
    CHECK(f.Git({"symbolic-ref", "HEAD"}, path) == "refs/heads/" + name);
    CHECK(f.AgentArguments(fs::path(path).filename().string()) == "\n");
    f.world.Must({"remove", "--", name});
    CHECK_FALSE(fs::exists(path));
  }
  CHECK(f.Windows() == "bash");
  CHECK_FALSE(fs::exists(f.world.repo() / "pwned"));
}

TEST_CASE("input: directories with odd names", "[worktrees]") {
  if (!HaveTmux()) return;
  const bool boxes = HaveBubblewrap();
  for (const std::string& name :
       {std::string("sp ace"), std::string("com,ma"), std::string("col:on"),
        std::string("quo'te\"d"), std::string("new\nline"), std::string("$(touch pwned)"),
        std::string("#{pid}%"), std::string("-dash")}) {
    INFO(name);
    Flows f("agent: claude\nsandbox:\n  backend: namespace\n");
    const fs::path repo = f.world.area() / name;
    f.Git({"clone", "--quiet", f.world.repo().string(), repo.string()});
    const fs::path made = f.world.area() / (name + "__worktrees") / "feat";
    f.world.Must({"add", "feat", "-b", "-p", "hi"}, At(repo));
    CHECK(f.AgentArguments("feat") == "--\nhi\n");
    CHECK(f.world.Must({"list"}, At(repo)).find("feat") != std::string::npos);
    CHECK(f.world.Must({"path", "feat"}, At(repo)) == made.string());
    f.Git({"commit", "--quiet", "--allow-empty", "-m", "new"}, made);
    f.world.Must({"merge", "feat"}, At(repo));
    CHECK(f.Git({"log", "-1", "--format=%s"}, repo) == "new");
    CHECK_FALSE(fs::exists(made));

    if (boxes) {
      // In a sandbox the place works, or is refused before anything is made.
      const CommandResult boxed =
          f.world.Run({"sandbox", "run", ".", "--", "sh", "-c", "pwd && git status -s"}, At(repo));
      INFO(boxed.out << boxed.err);
      if (name.find('\n') != std::string::npos) {
        CHECK(Refusal(boxed, 125, "absolute path") == "");
      } else {
        CHECK(boxed.exit.ok());
        CHECK(boxed.out.find(repo.string()) == 0);
      }
    }
    CHECK_FALSE(fs::exists(f.world.area() / "pwned"));
  }
}

TEST_CASE("input: configuration files that cannot be used", "[worktrees]") {
  if (!HaveTmux()) return;
  Flows f;
  const fs::path file = f.world.repo() / ".workmux.yaml";
  WriteFile(f.world.repo() / ".git/info/exclude", ".workmux.yaml\n");
  const std::string before = f.State();
  std::string bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n";
  for (int i = 1; i < 9; ++i) {
    const std::string alias = Format("*a{}", i - 1);
    bomb += Format("a{}: &a{} [{}", i, i, alias);
    for (int k = 0; k < 9; ++k) bomb += ',' + alias;
    bomb += "]\n";
  }
  struct Case {
    std::string text;
    std::string words;
  };
  const std::vector<Case> cases = {{"post_create: [\n", ".workmux.yaml:"},
                                   {"agent: claude\nagent: codex\n", "duplicate key"},
                                   {"panes:\n\t- command: x\n", "tab"},
                                   {"post_create: 5\n", "expected a list"},
                                   {"agent: [a]\n", "expected text"},
                                   {"just text\n", "key: value"},
                                   {"\xff\xfe\n", "UTF-8"},
                                   {"a: &a {b: *a}\n", "alias"},
                                   {bomb, "too many values"},
                                   {std::string(20000, '['), "nested deeper"},
                                   {"sandbox: {enabeld: true}\n", "did you mean"},
                                   {"panes: [{command: \"a\\nb\"}]\n", "more than one line"},
                                   {"worktree_dir: '{nope}'\n", "placeholder"}};
  for (const Case& given : cases) {
    INFO(given.text.substr(0, 60));
    WriteFile(file, given.text);
    CHECK(Refusal(f.world.Run({"add", "topic", "-b"}), 2, given.words) == "");
  }
  WriteFile(file, std::string((1u << 20) + 1, '#'));
  CHECK(Refusal(f.world.Run({"add", "topic", "-b"}), 1, "larger than") == "");
  fs::remove(file);
  fs::create_symlink("/etc/passwd", file);
  const CommandResult link = f.world.Run({"add", "topic", "-b"});
  CHECK(Refusal(link, 1, ".workmux.yaml") == "");
  CHECK(link.err.find("link") != std::string::npos);
  fs::remove(file);
  REQUIRE(::mkfifo(file.c_str(), 0600) == 0);
  CHECK(Refusal(f.world.Run({"add", "topic", "-b"}), 1, "not a regular file") == "");
  fs::remove(file);
  CHECK(f.State() == before);

  WriteFile(file, "agnt: claude\n");
  const CommandResult warned = f.world.Run({"add", "topic", "-b"});
  CHECK(warned.exit.ok());
  CHECK(warned.err.find("unknown key \"agnt\" (did you mean \"agent\"?)") != std::string::npos);
  WriteFile(file, "");
  CHECK(f.world.Run({"add", "empty", "-b"}).exit.ok());
}

TEST_CASE("input: without tmux, and with a dead server's socket", "[worktrees]") {
  if (!HaveTmux()) return;
  Flows f;
  // Inside tmux a server is never started: that one has to be there.
  const std::string nowhere = (f.world.area() / "nowhere").string();
  const Env inside = {{"TMUX", nowhere + ",1,0"}, {"TMUX_PANE", "%0"}, {"WORKMUX_TMUX_SOCKET", ""}};
  CHECK(Refusal(f.world.Run({"add", "x", "-b"}, {.cwd = {}, .env = inside, .input = {}}), 1,
                "no tmux server") == "");
  { const auto listener = test::Must(ListenUnix(nowhere)); }
  REQUIRE(fs::exists(nowhere));
  const std::string before = f.State();
  CHECK(Refusal(f.world.Run({"add", "x", "-b"}, {.cwd = {}, .env = inside, .input = {}}), 1,
                "no tmux server") == "");
  CHECK(f.State() == before);

  // Outside of it one is started over the dead socket.
  const CommandResult added = f.world.Run(
      {"add", "x", "-b"}, {.cwd = {}, .env = {{"WORKMUX_TMUX_SOCKET", nowhere}}, .input = {}});
  INFO(added.err);
  CHECK(added.exit.ok());
  CHECK(f.world.RunCommand({"tmux", "-S", nowhere, "list-windows", "-a"}, {}).out.find("wm-x") !=
        std::string::npos);
  f.world.RunCommand({"tmux", "-S", nowhere, "kill-server"}, {});
  CHECK(f.Windows() == "bash");
}

TEST_CASE("input: no tmux program", "[worktrees]") {
  if (!HaveTmux()) return;
  Flows f;
  // Everything but tmux.
  const fs::path tools = f.world.area() / "tools";
  fs::create_directories(tools);
  for (const char* name : {"git", "sh", "bash", "env"})
    fs::create_symlink(fs::path("/usr/bin") / name, tools / name);
  const std::string before = f.State();
  f.world.env()["PATH"] = tools.string();
  const CommandResult result = f.world.Run({"add", "x", "-b"});
  CHECK(Refusal(result, 1, "tmux") == "");
  f.world.env()["PATH"] = tools.string() + ":/usr/bin:/bin";
  CHECK(f.State() == before);
}

TEST_CASE("input: HOME is unset", "[worktrees]") {
  Flows f;
  const auto without = [&](std::vector<std::string> arguments) {
    std::vector<std::string> argv = {"env", "-u", "HOME", WorkmuxWorld::cli().string()};
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    return f.world.RunCommand(std::move(argv), {});
  };
  CHECK(Refusal(without({"list"}), 1, "HOME") == "");
  CHECK(without({"--help"}).exit.ok());
  CHECK(without({"--version"}).exit.ok());
  CHECK(without({"add", "--help"}).exit.ok());
  CHECK(without({"completions", "bash"}).exit.ok());
}

}  // namespace workmux::test
