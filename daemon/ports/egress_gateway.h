#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <absl/status/statusor.h>

#include "common/base/secret.h"
#include "daemon/egress/credential_rule.h"
#include "daemon/egress/egress_policy.h"
#include "daemon/egress/host_port.h"

namespace workmux::daemon {

// The way out of restricted sandboxes. Thread-safe.
class EgressGateway {
 public:
  virtual ~EgressGateway() = default;

  struct Grant {
    Secret token;
    egress::Policy policy;
    std::filesystem::path socket;            // its directory is made (0700) when absent
    std::string tcp_address;                 // empty: no TCP listener
    std::uint16_t tcp_port = 0;              // 0: any; another: exactly this one
    std::vector<egress::HostPort> services;  // each has a socket beside `socket`
    // Where there are any, the two files of authority_files.h are written beside `socket`.
    std::vector<egress::CredentialRule> credentials;
    Secret authority;  // NewAuthority's, for these credentials
  };
  // What a sandbox's programs are to trust when the daemon answers for the credentials'
  // hosts: a key of the sandbox's own, as text for the database.
  virtual absl::StatusOr<Secret> NewAuthority(
      const std::vector<egress::CredentialRule>& credentials) = 0;
  // Returns the TCP port in use (0 without TCP). After a restart of the daemon the same
  // grant makes the sandbox's settings valid again.
  virtual absl::StatusOr<std::uint16_t> Open(const std::string& session_id, const Grant& grant) = 0;
  // From the next request on; connections that it forbids are cut. kNotFound.
  virtual absl::Status SetPolicy(const std::string& session_id, const egress::Policy& policy) = 0;
  // Cuts everything; the sockets are removed, and their directory when it is empty.
  virtual void Close(const std::string& session_id) = 0;
};

}  // namespace workmux::daemon
