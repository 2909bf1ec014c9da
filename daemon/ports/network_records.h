#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/statusor.h>

#include "daemon/egress/egress_policy.h"

namespace workmux::daemon {

// What happened at the way out of a restricted sandbox. Every text is ours or a normal
// host name.
struct NetworkEvent {
  // kOmitted stands for `count` others that were not recorded.
  enum class Kind { kAllowed, kRefused, kEnded, kOmitted };

  std::int64_t id = 0;            // rises; given by the records
  std::int64_t milliseconds = 0;  // of the Unix time
  std::string session;            // empty: of several
  std::string sandbox;            // the session's name for people
  Kind kind = Kind::kRefused;
  std::string host;
  std::string service;  // of the host itself, in place of `host`
  std::string rule;
  std::string reason;  // egress/decision.h
  std::string detail;
  std::uint64_t count = 1;
  std::uint64_t bytes_up = 0;
  std::uint64_t bytes_down = 0;
  std::int64_t lasted = 0;  // milliseconds
};

// A rule that a person added to what sandboxes are configured to reach.
struct NetworkAllowance {
  std::string session;  // empty: every restricted sandbox
  egress::HostRule rule;
  std::int64_t until = 0;  // unix seconds; 0: until it is revoked
  bool operator==(const NetworkAllowance&) const = default;
};

// Thread-safe, survives the daemon.
class NetworkRecords {
 public:
  virtual ~NetworkRecords() = default;

  // In one transaction. Old ones go: of each sandbox, and of all together.
  virtual absl::Status AppendEvents(std::span<const NetworkEvent> events) = 0;
  struct EventQuery {
    std::int64_t after = 0;  // an event's id: the oldest above it; 0: the newest of all
    std::string sandbox;     // name or session; empty: every
    std::string host;        // empty: every
    std::size_t limit = 100;
  };
  // In the order of their ids.
  virtual absl::StatusOr<std::vector<NetworkEvent>> Events(const EventQuery& query) = 0;

  // Takes the place of one with the same session and rule.
  virtual absl::Status PutAllowance(const NetworkAllowance& allowance) = 0;
  virtual absl::Status EraseAllowance(const NetworkAllowance& allowance) = 0;
  virtual absl::StatusOr<std::vector<NetworkAllowance>> LoadAllowances() = 0;
};

}  // namespace workmux::daemon
