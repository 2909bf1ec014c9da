#include "tests/e2e/worktrees/flows.h"

#include <set>

#include "common/base/format.h"
#include "common/base/strings.h"
#include "tests/support/wait_until.h"

namespace workmux::test {

namespace fs = std::filesystem;

Flows::Flows(const std::string& config) : world(config) {
  world.Install("claude",
                "#!/bin/sh\nout=\"$HOME/agent-${PWD##*/}\"\nprintf '%s\\n' \"$@\" >\"$out.part\"\n"
                "mv \"$out.part\" \"$out\"\nexec sleep 1000\n");
  // Panes run login shells, and the system's profile sets PATH anew.
  const std::string path = "export PATH='" + world.env()["PATH"] + "'\n";
  for (const char* file : {".bash_profile", ".zprofile"}) WriteFile(world.home() / file, path);
  WriteFile(world.home() / ".config/fish/config.fish", path);
  if (HaveTmux()) world.StartTmux();
}

fs::path Flows::Path(const std::string& handle) const {
  return world.area() / "repo__worktrees" / handle;
}

std::string Flows::AgentArguments(const std::string& handle) const {
  const fs::path file = world.home() / ("agent-" + handle);
  if (!WaitUntil([&] { return fs::exists(file); }, std::chrono::seconds(30))) return {};
  return ReadWholeFile(file);
}

Env Flows::Inside(const std::string& pane) {
  return {{"TMUX", world.tmux_socket().string() + "," + std::to_string(world.TmuxPid()) + ",0"},
          {"TMUX_PANE", pane},
          {"WORKMUX_TMUX_SOCKET", ""}};
}

std::string Flows::State() {
  std::string state = Git({"for-each-ref", "refs/heads", "refs/tags", "refs/remotes"});
  state += "\n" + Git({"worktree", "list", "--porcelain"}) + "\n";
  for (const fs::path& dir : {world.area(), world.area() / "repo__worktrees"}) {
    std::set<std::string> names;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(dir, error))
      names.insert(entry.path().filename().string());
    for (const std::string& name : names) state += name + "\n";
  }
  return state + Windows();
}

std::string Flows::Windows() { return world.Tmux({"list-windows", "-a", "-F", "#{window_name}"}); }

std::string Refusal(const CommandResult& result, int code, std::string_view words) {
  const std::string told =
      Format("exit code {}, stdout '{}', stderr '{}'", result.exit.code, result.out, result.err);
  if (result.exit.signal != 0 || result.exit.code != code) return told;
  const auto message = result.err.rfind("workmux: ");
  const auto hint = result.err.find("\nhint: ", message == std::string::npos ? 0 : message);
  if (message == std::string::npos || hint == std::string::npos) return told;
  return result.err.find(words) == std::string::npos ? told : std::string();
}

}  // namespace workmux::test
