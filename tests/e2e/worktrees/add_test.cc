#include <sys/stat.h>

#include <fstream>

#include "common/base/strings.h"
#include "tests/e2e/worktrees/flows.h"
#include "tests/support/catch.h"
#include "tests/support/wait_until.h"

namespace workmux::test {
namespace {

namespace fs = std::filesystem;

mode_t ModeOf(const fs::path& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 ? info.st_mode & 07777 : 0;
}

}  // namespace

TEST_CASE("add: a branch, its worktree and a window with the agent", "[worktrees]") {
  if (!HaveTmux()) return;
  Flows f("");
  const std::string told = f.world.Must({"add", "fix/Login", "-p", "look\tat 'this' $(id)"});
  CHECK(told.find("created worktree fix-login for branch fix/Login") == 0);
  CHECK(told.find("\n  base: main\n") != std::string::npos);
  CHECK(f.Git({"symbolic-ref", "HEAD"}, f.Path("fix-login")) == "refs/heads/fix/Login");
  // Without any configuration a prompt starts the default agent.
  CHECK(f.AgentArguments("fix-login") == "--\nlook\tat 'this' $(id)\n");
  CHECK(f.Windows() == "bash\nwm-fix-login");
  CHECK(f.Git({"status", "--porcelain", "--ignored=no"}, f.Path("fix-login")).empty());
  CHECK(f.world.Must({"path", "fix-login"}) == f.Path("fix-login").string());
  CHECK(f.world.Must({"path"}, {.cwd = f.Path("fix-login"), .env = {}, .input = {}}) ==
        f.Path("fix-login").string());
}

TEST_CASE("add: the worktree has the modes that git gives", "[worktrees]") {
  if (!HaveTmux()) return;
  Flows f;
  f.Git({"worktree", "add", "--quiet", (f.world.area() / "by-git").string()});
  f.world.Must({"add", "ours", "-b"});
  CHECK(ModeOf(f.Path("ours")) == ModeOf(f.world.area() / "by-git"));
  CHECK(ModeOf(f.Path("ours/file.txt")) == ModeOf(f.world.area() / "by-git/file.txt"));
}

TEST_CASE("add: --base, --name, and branches that exist", "[worktrees]") {
  if (!HaveTmux()) return;
  Flows f;
  const std::string first = f.Git({"rev-parse", "HEAD"});
  f.Git({"branch", "old"});
  f.world.git().Commit("file.txt", "second\n");
  f.world.Must({"add", "topic", "--base", "old", "--name", "Some Name", "-b"});
  CHECK(f.Git({"rev-parse", "topic"}) == first);
  CHECK(f.Git({"symbolic-ref", "HEAD"}, f.Path("some-name")) == "refs/heads/topic");
  CHECK(f.Windows() == "bash\nwm-some-name");

  f.world.Must({"add", "old", "-b"});
  CHECK(f.Git({"symbolic-ref", "HEAD"}, f.Path("old")) == "refs/heads/old");

  // A worktree's base is the branch that was checked out where it was made.
  const std::string told =
      f.world.Must({"add", "nested", "-b"}, {.cwd = f.Path("some-name"), .env = {}, .input = {}});
  CHECK(told.find("base: topic") != std::string::npos);
  CHECK(f.Git({"rev-parse", "nested"}) == first);
}

TEST_CASE("add: a remote's branch becomes a local one", "[worktrees]") {
  if (!HaveTmux()) return;
  Flows f;
  f.Git({"clone", "--quiet", "--bare", f.world.repo().string(),
         (f.world.area() / "origin.git").string()});
  f.Git({"remote", "add", "origin", (f.world.area() / "origin.git").string()});
  f.Git({"push", "--quiet", "origin", "HEAD:refs/heads/theirs"});
  f.Git({"fetch", "--quiet", "origin"});
  f.world.Must({"add", "origin/theirs", "-b"});
  CHECK(f.Git({"symbolic-ref", "HEAD"}, f.Path("theirs")) == "refs/heads/theirs");
  CHECK(Refusal(f.world.Run({"add", "origin/theirs", "-b"}), 1, "exists already") == "");
}

TEST_CASE("add: a detached HEAD needs --base", "[worktrees]") {
  if (!HaveTmux()) return;
  Flows f;
  f.Git({"checkout", "--quiet", "--detach"});
  const std::string before = f.State();
  CHECK(Refusal(f.world.Run({"add", "x", "-b"}), 1, "no branch is checked out") == "");
  CHECK(f.State() == before);
  f.world.Must({"add", "x", "-b", "--base", "main"});
  CHECK(fs::exists(f.Path("x/file.txt")));
}

TEST_CASE("add: a prompt file arrives byte for byte", "[worktrees]") {
  if (!HaveTmux()) return;
  Flows f;
  std::string prompt = "-x leading dash\r\nCRLF\r\n\r\nlast line without end";
  WriteFile(f.world.area() / "task.md", prompt);
  f.world.Must({"add", "crlf", "-b", "-P", "../task.md"});
  CHECK(ReadWholeFile(f.Path("crlf/.workmux/PROMPT-crlf.md")) == prompt);
  CHECK(f.AgentArguments("crlf") == "--\n" + prompt + "\n");

  // More than an argument may hold (execve(2)): the agent is told where it lies.
  prompt.assign(5u << 20, 'x');
  prompt.replace(0, 5, "\n-y\r\n");
  WriteFile(f.world.area() / "task.md", prompt);
  f.world.Must({"add", "large", "-b", "-P", "../task.md"});
  CHECK((ReadWholeFile(f.Path("large/.workmux/PROMPT-large.md")) == prompt));
  CHECK(f.AgentArguments("large").find(".workmux/PROMPT-large.md") != std::string::npos);
  CHECK(f.Git({"status", "--porcelain"}, f.Path("large")).empty());

  const std::string before = f.State();
  WriteFile(f.world.area() / "task.md", prompt + "x");
  CHECK(Refusal(f.world.Run({"add", "huge", "-b", "-P", "../task.md"}), 1, "bytes") == "");
  WriteFile(f.world.area() / "task.md", " \r\n");
  CHECK(Refusal(f.world.Run({"add", "empty", "-b", "-P", "../task.md"}), 2, "prompt is empty") ==
        "");
  CHECK(Refusal(f.world.Run({"add", "none", "-b", "-P", "../no-such-file"}), 1, "no-such-file") ==
        "");
  CHECK(f.State() == before);
}

TEST_CASE("add: the prompt from an editor, agents by name, and plain shells", "[worktrees]") {
  if (!HaveTmux()) return;
  Flows f;
  const fs::path editor = f.world.Install("ed it", "#!/bin/sh\nprintf 'from the editor' >\"$2\"\n");
  f.world.env()["VISUAL"] = "'" + editor.string() + "' --wait";
  f.world.Must({"add", "edited", "-b", "-e"});
  CHECK(f.AgentArguments("edited") == "--\nfrom the editor\n");

  f.world.Install("codex", "#!/bin/sh\necho codex \"$@\" >\"$HOME/codex\"\nexec sleep 1000\n");
  CHECK(f.world.Must({"add", "other", "-b", "-a", "codex", "-p", "hi"}).find("agent: codex") !=
        std::string::npos);
  CHECK(WaitUntil([&] { return fs::exists(f.world.home() / "codex"); }));

  f.world.Must({"add", "shells", "-b", "-C"});
  CHECK(Refusal(f.world.Run({"add", "no", "-C", "-p", "x"}), 2, "--no-pane-cmds") == "");
  f.world.env()["VISUAL"] = "false";
  CHECK(f.world.Run({"add", "no", "-e"}).exit.code == 130);
  CHECK_FALSE(fs::exists(f.world.home() / "agent-shells"));
  CHECK_FALSE(fs::exists(f.Path("no")));
}

TEST_CASE("add: files are copied and linked, hooks know where they are", "[worktrees]") {
  if (!HaveTmux()) return;
  Flows f;
  f.world.SetProjectConfig(
      "agent: claude\nfiles:\n  copy: ['.env*', secrets]\n  symlink: [cache]\n"
      "post_create:\n  - env >\"$HOME/hook-env\"\n  - pwd >made-by-hook\n");
  WriteFile(f.world.repo() / ".git/info/exclude", ".env*\nsecrets/\ncache\nmade-by-hook\n");
  WriteFile(f.world.repo() / ".env", "A=1\n");
  WriteFile(f.world.repo() / ".env.local", "B=2\n");
  WriteFile(f.world.repo() / "secrets/deep/key", "k");
  WriteFile(f.world.repo() / "cache/object", "o");
  f.world.Must({"add", "all", "-b"});
  CHECK(ReadWholeFile(f.Path("all/.env")) == "A=1\n");
  CHECK(ReadWholeFile(f.Path("all/.env.local")) == "B=2\n");
  CHECK(ReadWholeFile(f.Path("all/secrets/deep/key")) == "k");
  CHECK(fs::is_symlink(f.Path("all/cache")));
  CHECK(ReadWholeFile(f.Path("all/cache/object")) == "o");
  CHECK(ReadWholeFile(f.Path("all/made-by-hook")) == f.Path("all").string() + "\n");
  const std::string env = ReadWholeFile(f.world.home() / "hook-env");
  for (const std::string& line :
       {std::string("WM_HANDLE=all"), std::string("WORKMUX_HANDLE=all"),
        "WM_WORKTREE_PATH=" + f.Path("all").string(), "WM_PROJECT_ROOT=" + f.world.repo().string(),
        "WM_CONFIG_DIR=" + f.Path("all").string(), std::string("USER=tester")}) {
    INFO(line << " in\n" << env);
    CHECK(("\n" + env).find("\n" + line + "\n") != std::string::npos);
  }
  f.world.Must({"add", "bare", "-b", "-H", "-F"});
  CHECK_FALSE(fs::exists(f.Path("bare/.env")));
  CHECK_FALSE(fs::exists(f.Path("bare/made-by-hook")));
}

TEST_CASE("add: in a sandbox with its own git the worktree is clean too", "[worktrees]") {
  if (!HaveTmux() || !HaveBubblewrap()) return;
  Flows f("agent: claude\nsandbox:\n  backend: namespace\n");
  f.world.Install(
      "claude",
      "#!/bin/sh\ngit status --porcelain >seen.part 2>&1\nmv seen.part seen\nexec sleep 1000\n");
  f.world.Must({"add", "boxed", "-b", "-S", "-p", "hi"});
  REQUIRE(WaitUntil([&] { return fs::exists(f.Path("boxed/seen")); }, std::chrono::seconds(30)));
  // Only the file that the agent is writing at that moment.
  CHECK(ReadWholeFile(f.Path("boxed/seen")) == "?? seen.part\n");
}

}  // namespace workmux::test
