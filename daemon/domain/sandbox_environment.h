#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/secret.h"
#include "common/process/command.h"
#include "daemon/egress/credential_rule.h"
#include "daemon/egress/host_port.h"

namespace workmux::daemon {

struct SandboxEnvironmentInput {
  Env caller;                            // of the person's terminal
  std::vector<std::string> passthrough;  // names that are taken from `caller` when set there
  Env configured;                        // `sandbox.env`
  Env agent;                             // of the agent's profile, CODEX_HOME for one
  std::filesystem::path home;
  std::vector<std::filesystem::path> path_dirs;  // put before the system's directories
  bool host_locale = false;                      // the host's locales exist inside
  std::string git_name;                          // empty: unset
  std::string git_email;
  struct Bridge {
    std::string host;
    std::uint16_t port = 0;
    Secret token;
  };
  std::optional<Bridge> bridge;
  // The way out of a restricted sandbox: the relay on its own loopback, or behind a
  // firewall the host's own address.
  struct Proxy {
    std::string host;
    std::uint16_t port = 0;
    bool relayed = true;
    Secret token;
    std::vector<egress::HostPort> services;  // on the same loopback
    // With any, programs are told to trust the files of authority_files.h in
    // `authority_dir`.
    std::vector<egress::CredentialRule> credentials;
    std::filesystem::path authority_dir;  // as the sandbox sees it
  };
  std::optional<Proxy> proxy;
};

// The complete environment of the command in a sandbox: nothing of the caller's
// gets in but its terminal's type, its time zone and the names that are passed
// through. `configured` wins over `passthrough`. Pure. Errors are those of
// CheckEnvironmentName, with the key that holds the name.
absl::StatusOr<Env> BuildSandboxEnvironment(const SandboxEnvironmentInput& input);

// kInvalidArgument for a name that is none, and (ENV_NAME_REFUSED) for LD_*,
// DOCKER_* and CONTAINER*, which the engine's own client would obey, and for
// those that this file sets.
absl::Status CheckEnvironmentName(std::string_view name);

}  // namespace workmux::daemon
