#pragma once

namespace workmux::guest {

// Runs `command` (ends with a null pointer) in place of this process, once every
// mount that WM_MOUNTS names is the file that the host looked at: an engine
// follows a source's path again when it mounts, and another sandbox may have put
// something else there. Call before anything changes the environment. Returns the
// exit code when the command does not run: 125 for another mount, else 126 or 127
// as a shell has them.
int EnterSandbox(char* const* command);

}  // namespace workmux::guest
