#include "cli/commands/tmux_server.h"

#include "common/base/status.h"
#include "common/process/command_runner.h"
#include "common/process/posix_command_runner.h"

namespace workmux::cli {

std::vector<std::string> TmuxArgv(const Env& env) {
  const auto socket = env.find("WORKMUX_TMUX_SOCKET");
  if (socket == env.end() || socket->second.empty()) return {"tmux"};
  const bool is_path = socket->second.find('/') != std::string::npos;
  return {"tmux", is_path ? "-S" : "-L", socket->second};
}

absl::Status StartTmuxServer(const Invocation& invocation) {
  Command command;
  command.argv = TmuxArgv(invocation.env);
  command.cwd = invocation.cwd;
  command.env = invocation.env;
  for (const char* word : {"new-session", "-d"}) command.argv.emplace_back(word);
  PosixCommandRunner runner;
  WM_ASSIGN_OR_RETURN(const CommandResult result, runner.Run(command, {}));
  return result.exit.ok() ? absl::OkStatus() : FailedCommand(command, result);
}

std::vector<std::string> AttachArgv(const Env& env, const std::string& session,
                                    const std::string& window) {
  std::vector<std::string> argv = TmuxArgv(env);
  argv.emplace_back("attach-session");
  if (session.empty()) return argv;
  argv.emplace_back("-t");
  argv.push_back(window.empty() ? session : session + ":" + window);
  return argv;
}

}  // namespace workmux::cli
