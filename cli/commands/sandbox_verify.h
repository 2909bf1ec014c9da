#pragma once

#include <absl/status/statusor.h>

#include <string>

#include "cli/command.h"

namespace workmux::control::v1 {
class VerifySandboxResponse;
}

namespace workmux::cli {

struct SandboxVerifyOptions {
  bool json = false;
  std::string session;  // name or id; empty: the newest of this worktree
};

// Exit code 0 when the sandbox is as it is meant to be, 1 when not; it is gone then.
absl::StatusOr<int> RunSandboxVerify(const SandboxVerifyOptions& options, const CommandEnv& env);

// One line for each defence, with what was expected and found below those that
// differ.
std::string VerificationText(const control::v1::VerifySandboxResponse& response, bool color);

// An object {sandbox, backend, verified, checks, differences, weakened, stopped};
// checks of {defence, passed}, differences of {defence, expected, found}.
std::string VerificationJson(const control::v1::VerifySandboxResponse& response);

}  // namespace workmux::cli
