#include <algorithm>
#include <filesystem>
#include <iostream>

#include "common/process/shell_quote.h"
#include "tests/integration/tmux/tmux_server.h"
#include "tests/support/catch.h"
#include "tests/support/status_matchers.h"
#include "tests/support/wait_until.h"

namespace workmux::daemon {
namespace {

using test::HaveProgram;
using test::Must;
using test::TmuxServer;
using test::WaitUntil;

std::string HostileText() {
  return "a;b #(x) #{pid} 'q' \"d\" $HOME `id` ~ \\n %H \xC3\xA9 ! - * ;";
}

std::ptrdiff_t Count(const std::filesystem::path& dir, std::string_view prefix) {
  const std::filesystem::directory_iterator entries(dir);
  return std::count_if(begin(entries), end(entries), [&](const auto& entry) {
    return entry.path().filename().native().starts_with(prefix);
  });
}

}  // namespace

TEST_CASE("CreateWindow: the command runs in bash, zsh, fish and sh as it was given", "[tmux]") {
  if (!HaveProgram("tmux")) return;
  for (const std::string shell : {"bash", "zsh", "fish", "sh"}) {
    if (!HaveProgram(shell)) continue;
    TmuxServer server;
    // An rc file that reads its terminal would eat what is typed too early.
    test::WriteFile(server.dir() / ".bash_profile",
                    "read -t 0.3 -r eaten; echo \"$eaten\" > eaten\n");
    test::WriteFile(server.dir() / ".zshrc", "read -t 0.3 -r eaten; echo \"$eaten\" > eaten\n");
    PosixCommandRunner runner;
    TmuxServers servers(runner);
    const auto mux = Must(servers.Get(server.socket()));
    const std::string text = HostileText();
    WindowSpec spec =
        server.Window("typed", "printf %s " + ShellQuote(text) + " > out; mv out done");
    spec.shell = "/usr/bin/" + shell;
    const WindowRef window = Must(mux->CreateWindow(spec, ""));
    INFO(shell);
    CHECK(WaitUntil([&] { return std::filesystem::exists(server.dir() / "done"); }));
    CHECK(test::ReadWholeFile(server.dir() / "done") == text);
    CHECK(test::ReadWholeFile(server.dir() / "eaten").find("printf") == std::string::npos);
    // Interactive, and still there.
    CHECK(server.Run({"display-message", "-p", "-t", window.pane_ids[0], "#{pane_dead}"}) == "0");
    CHECK(server.Run({"list-buffers"}).empty());
  }
}

TEST_CASE("CreateWindow: a long command with line breaks arrives whole", "[tmux]") {
  if (!HaveProgram("tmux")) return;
  for (const std::string shell : {"bash", "zsh", "fish"}) {
    if (!HaveProgram(shell)) continue;
    TmuxServer server;
    test::WriteFile(server.dir() / ".zshrc", "");
    PosixCommandRunner runner;
    TmuxServers servers(runner);
    const auto mux = Must(servers.Get(server.socket()));
    std::string text;
    // fish drops tabs from what is pasted.
    const std::string blank = shell == "fish" ? " " : "\t";
    for (int i = 0; i < 200; ++i) text += "line of a long prompt;" + blank + "of many\n";
    WindowSpec spec = server.Window("typed", "printf %s '" + text + "' > out; mv out done");
    spec.shell = "/usr/bin/" + shell;
    (void)Must(mux->CreateWindow(spec, ""));
    INFO(shell);
    CHECK(WaitUntil([&] { return std::filesystem::exists(server.dir() / "done"); }));
    const bool whole = test::ReadWholeFile(server.dir() / "done") == text;
    CHECK(whole);
  }
}

TEST_CASE("CreateWindow: panes start at the same time, and it waits for no shell", "[tmux]") {
  if (!HaveProgram("tmux")) return;
  TmuxServer server;
  test::WriteFile(server.dir() / ".bash_profile",
                  "touch started$$; until [ -e go ]; do sleep 0.05; done\n");
  PosixCommandRunner runner;
  TmuxServers servers(runner);
  const auto mux = Must(servers.Get(server.socket()));
  WindowSpec spec = server.Window("many", "touch 0");
  for (int i = 1; i < 4; ++i) {
    spec.panes.push_back(spec.panes.front());
    spec.panes.back().command = Format("touch {}", i);
    spec.panes.back().split = SplitDirection::kHorizontal;
  }
  (void)Must(mux->CreateWindow(spec, ""));
  // It is back while none of the shells reads yet, and each waits beside the others.
  CHECK(WaitUntil([&] { return Count(server.dir().path(), "started") == 4; }));
  CHECK_FALSE(std::filesystem::exists(server.dir() / "0"));
  test::WriteFile(server.dir() / "go", "");
  CHECK(WaitUntil([&] {
    for (int i = 0; i < 4; ++i) {
      if (!std::filesystem::exists(server.dir() / Format("{}", i))) return false;
    }
    return true;
  }));
}

TEST_CASE("CreateWindow: a daemon that stops types what is pending", "[tmux]") {
  if (!HaveProgram("tmux")) return;
  TmuxServer server;
  test::WriteFile(server.dir() / ".bash_profile", "sleep 1\n");
  PosixCommandRunner runner;
  {
    TmuxServers servers(runner);
    (void)Must(
        Must(servers.Get(server.socket()))->CreateWindow(server.Window("w", "touch typed"), ""));
  }
  CHECK(WaitUntil([&] { return std::filesystem::exists(server.dir() / "typed"); }));
}

}  // namespace workmux::daemon
