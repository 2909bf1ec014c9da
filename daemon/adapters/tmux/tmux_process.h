#pragma once

#include <absl/status/statusor.h>
#include <sys/types.h>

#include <string>
#include <vector>

#include "common/base/unique_fd.h"
#include "common/process/command.h"

namespace workmux::daemon {

// A running child with pipes on stdin and stdout; stderr is /dev/null.
struct PipedChild {
  pid_t pid = -1;
  UniqueFd in;
  UniqueFd out;
};

// Starts `argv` in / with exactly `env`, in a process group of its own, as
// SpawnProcess does. The caller reaps it.
absl::StatusOr<PipedChild> SpawnPiped(std::vector<std::string> argv, const Env& env);

// What a tmux child of ours gets: no TMUX (it would refuse to nest), no PATH
// (tmux hands an unattached client's PATH on to new panes), a UTF-8 locale.
Env TmuxChildEnv(const Env& own);

}  // namespace workmux::daemon
