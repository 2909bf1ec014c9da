#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/base/secret.h"
#include "daemon/broker/sandbox_broker.h"
#include "daemon/egress/connection.h"
#include "daemon/egress/egress_policy.h"

namespace workmux::egress {

// One sandbox as the proxy sees it. Used on the proxy's thread.
struct SandboxState {
  std::string session;
  Secret token;
  std::shared_ptr<const Policy> policy;
  std::shared_ptr<const broker::SandboxBroker> broker;  // null: no credentials
  bool closed = false;
  // In order of their numbers, the oldest first.
  std::map<std::uint64_t, std::weak_ptr<Connection>> asking;  // not yet allowed or refused
  std::map<std::uint64_t, std::weak_ptr<Connection>> open;
};

}  // namespace workmux::egress
