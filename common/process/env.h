#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "common/process/command.h"

namespace workmux {

// Empty when the variable is unset.
inline std::string Lookup(const Env& env, std::string_view name) {
  const auto found = env.find(name);
  return found == env.end() ? std::string() : found->second;
}

// $SHELL when it is an absolute path, else /bin/sh.
inline std::filesystem::path LoginShellOf(const Env& env) {
  const std::string shell = Lookup(env, "SHELL");
  return shell.starts_with('/') ? shell : "/bin/sh";
}

}  // namespace workmux
