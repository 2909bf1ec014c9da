#pragma once

#include <absl/status/status.h>

#include <string>
#include <vector>

#include "cli/client/invocation_context.h"

namespace workmux::cli {

// tmux with the server that the caller means: WORKMUX_TMUX_SOCKET names one (a
// path, or a name below tmux's own directory), else TMUX decides, else the
// default server.
std::vector<std::string> TmuxArgv(const Env& env);

// Starts a server with one detached session. Done here and never by the daemon:
// the server lives in its starter's session, with its starter's environment.
absl::Status StartTmuxServer(const Invocation& invocation);

// The command that shows `window` ("@5") of `session` ("$3"); both may be empty.
std::vector<std::string> AttachArgv(const Env& env, const std::string& session,
                                    const std::string& window);

}  // namespace workmux::cli
