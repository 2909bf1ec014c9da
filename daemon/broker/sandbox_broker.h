#pragma once

#include <asio/ssl/context.hpp>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include <absl/status/statusor.h>

#include "daemon/broker/authority.h"
#include "daemon/broker/secret_source.h"
#include "daemon/egress/credential_rule.h"

namespace workmux::broker {

// What the proxy needs to answer for one sandbox's credential hosts.
struct SandboxBroker {
  std::vector<egress::CredentialRule> rules;
  std::map<std::string, std::shared_ptr<asio::ssl::context>> servers;  // by host
  std::shared_ptr<asio::ssl::context> client;
  SecretSource* secrets = nullptr;  // outlives it
};

}  // namespace workmux::broker
