#pragma once

#include <filesystem>

#include <absl/status/statusor.h>

#include "common/process/command.h"

namespace workmux {

// Where things of ours lie, from an environment (XDG Base Directory
// Specification 0.8: a variable that is empty or relative counts as unset).
struct Paths {
  std::filesystem::path home;
  std::filesystem::path config;   // $XDG_CONFIG_HOME/workmux
  std::filesystem::path state;    // $XDG_STATE_HOME/workmux
  std::filesystem::path runtime;  // $XDG_RUNTIME_DIR/workmux, else <state>/run
  std::filesystem::path socket;   // $WORKMUX_SOCKET, else <runtime>/workmuxd.sock
};

// kFailedPrecondition when HOME is unset, empty or relative; kInvalidArgument
// when the socket's path is too long.
absl::StatusOr<Paths> PathsFrom(const Env& env);

// <prefix>/bin/PROGRAM -> <prefix>; also true of the build tree.
absl::StatusOr<std::filesystem::path> InstallPrefix();

}  // namespace workmux
