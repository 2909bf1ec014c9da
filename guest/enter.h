#pragma once

namespace workmux::guest {

// Runs a command in place of this process, whose arguments (`arguments`, ending with a
// null pointer) are its name, a verb and the command, once every
// mount that WM_MOUNTS names is the file that the host looked at: an engine
// follows a source's path again when it mounts, and another sandbox may have put
// something else there. Where the host asks for it (WM_PROBE), the sandbox is probed
// first (probe/probe.h) and the host decides. Where the network is restricted
// (WM_RESTRICTED), the command and all beside it are under the filter of
// socket_filter.h; WM_RELAY names what its loopback has instead (relay.h), WM_FIREWALL
// the host's address behind a firewall, which is waited for (firewall/await.h). Call
// before anything changes the environment. Returns the exit code when the command does
// not run: 125 for another mount, a sandbox that is not as it should be, a relay, a
// filter or a firewall that cannot be had, else 126 or 127 as a shell has them. As the first
// process of its pid namespace it stays beside the command (first_process.h).
int EnterSandbox(char* const* arguments);

// The same for a further command in a sandbox that runs, whose network is restricted:
// with the filter, once nothing goes out past it (this program's own probe runs in any
// case, and says so). What the first one was told by its environment,
// which engines hand to the further ones too, is done.
int JoinSandbox(char* const* arguments);

}  // namespace workmux::guest
