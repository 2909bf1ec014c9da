#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/secret.h"
#include "daemon/config/config.h"
#include "daemon/domain/masked_file.h"
#include "daemon/domain/sandbox_spec.h"
#include "daemon/domain/types.h"
#include "daemon/egress/credential_rule.h"
#include "daemon/egress/egress_policy.h"
#include "daemon/egress/host_port.h"
#include "daemon/sys/process_identity.h"

namespace workmux::daemon {

// What must survive the daemon so that a lease can resume: enough to bind the
// same sockets with the same token and to find the sandbox again.
struct SessionRecord {
  std::string id;
  std::string sandbox;  // the backend's name for it
  std::string backend;
  Worktree worktree;
  std::string git;                   // "clone" or "shared"
  std::filesystem::path sealed_dir;  // SandboxArea
  bool main_writable = true;         // SandboxArea
  std::filesystem::path cwd;
  std::string agent;
  std::string agent_profile;   // whose presets it has
  Secret token;                // empty: no bridge
  std::string bridge_address;  // listening address, empty: no TCP
  std::uint16_t bridge_port = 0;
  std::filesystem::path bridge_dir;  // holds bridge.sock, and proxy.sock of a restricted one
  // Of a restricted network: what its proxy needs to be the same again.
  Secret proxy_token;         // empty: the network is open
  std::string proxy_address;  // empty: no TCP
  std::uint16_t proxy_port = 0;
  egress::Policy network_policy;
  std::vector<egress::HostPort> host_ports;
  std::vector<egress::CredentialRule> credentials;
  Secret authority;  // EgressGateway::NewAuthority; empty without credentials
  ProcessIdentity client;
  std::optional<PaneRef> pane;
  std::int64_t started = 0;  // unix seconds
  StatusIcons icons;         // as configured when it started
  std::vector<MaskedFile> masks;
};

// What the session's sandbox has of the network.
inline SandboxNetwork NetworkOf(const SessionRecord& record) {
  if (record.proxy_token.empty()) return SandboxNetwork::kOpen;
  return record.proxy_address.empty() ? SandboxNetwork::kIsolated : SandboxNetwork::kFirewalled;
}

struct AgentRecord {
  PaneRef pane;
  AgentStatus status = AgentStatus::kNone;
  std::int64_t status_since = 0;  // unix seconds; kept while the status stays
  std::int64_t updated = 0;       // unix seconds
  std::string title;              // reduced, harmless
  std::filesystem::path workdir;
  std::filesystem::path worktree;    // root; empty outside a repository
  std::filesystem::path repository;  // common directory; empty outside a repository
  std::string branch;
  std::string agent_kind;
  std::string session_id;  // empty: not sandboxed
};

}  // namespace workmux::daemon
