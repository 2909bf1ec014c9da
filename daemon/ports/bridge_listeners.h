#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include <absl/status/statusor.h>

#include "common/base/secret.h"

namespace workmux::daemon {

// Where sandboxes reach the daemon. Thread-safe.
class BridgeListeners {
 public:
  virtual ~BridgeListeners() = default;

  struct Endpoints {
    std::filesystem::path socket_dir;  // made (0700) when absent; holds bridge.sock
    std::string tcp_address;           // empty: no TCP listener
    std::uint16_t tcp_port = 0;        // 0: any; another: exactly this one
  };
  // Returns the TCP port in use (0 without TCP). After a restart of the daemon
  // the same directory, port and token make the sandbox's settings valid again.
  virtual absl::StatusOr<std::uint16_t> Open(const std::string& session_id, const Secret& token,
                                             const Endpoints& endpoints) = 0;
  // Later calls with the session's token are refused; the directory is removed.
  virtual void Close(const std::string& session_id) = 0;
};

}  // namespace workmux::daemon
