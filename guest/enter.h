#pragma once

namespace workmux::guest {

// Runs `command` (ends with a null pointer) in place of this process, once every
// mount that WM_MOUNTS names is the file that the host looked at: an engine
// follows a source's path again when it mounts, and another sandbox may have put
// something else there. Where the host asks for it (WM_PROBE), the sandbox is probed
// first (probe/probe.h) and the host decides. Call before anything changes the
// environment. Returns the exit code when the command does not run: 125 for another
// mount or a sandbox that is not as it should be, else 126 or 127 as a shell has them.
int EnterSandbox(char* const* command);

}  // namespace workmux::guest
