#pragma once

#include <string>
#include <vector>

#include "cli/command.h"

namespace workmux::cli {

// Parses the arguments (without the program's name), runs the command that they
// name, prints its error, and returns the exit code.
int RunApp(const std::vector<std::string>& given, const CommandEnv& env);

}  // namespace workmux::cli
