#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include <absl/status/status.h>

namespace workmux::daemon {

// Where sandboxes with a firewall wait until it is up, before anything runs in them
// (guest/firewall/await.h). Thread-safe.
class FirewallGates {
 public:
  virtual ~FirewallGates() = default;

  // Blocks; says why there is no firewall.
  using Apply = std::function<absl::Status()>;
  // Lets the session's sandbox ask once, at `socket`, whose directory is made (0700) when
  // absent. `apply` runs then, and its outcome is the answer. Whoever asks after that, or
  // asks a daemon that has started since, hears nothing, and nothing runs.
  virtual absl::Status Open(const std::string& session_id, const std::filesystem::path& socket,
                            Apply apply) = 0;
  virtual void Close(const std::string& session_id) = 0;
};

}  // namespace workmux::daemon
