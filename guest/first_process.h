#pragma once

namespace workmux::guest {

// Runs `command` as a child in place of a container's init, which this process is by
// its number: signals are handed on, orphans reaped, the terminal is the command's.
// Unlike an init of the engine's it is under the filter of the sandbox, and no program
// of the sandbox can take it over. Returns the command's exit code as a shell has it.
int RunAsFirst(char* const* command, int (*execute)(char* const* command));

}  // namespace workmux::guest
