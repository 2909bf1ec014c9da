#pragma once

#include <string>
#include <vector>

#include <absl/status/statusor.h>

#include "common/base/mutex.h"
#include "daemon/domain/config_gate.h"
#include "daemon/domain/session_directory.h"
#include "daemon/ports/egress_gateway.h"
#include "daemon/ports/records.h"

namespace workmux::daemon {

// Takes up what the user's configuration allows now in sandboxes that run. Thread-safe.
class NetworkReload {
 public:
  struct Deps {
    ConfigGate& config;
    SessionDirectory& directory;
    SessionRecords& records;
    EgressGateway& egress;
  };
  struct Change {
    std::string session;
    std::string sandbox;
    std::vector<std::string> added;  // rules; " (private addresses too)" after some
    std::vector<std::string> removed;
  };
  struct Result {
    std::size_t sandboxes = 0;  // restricted ones
    std::vector<Change> changes;
    std::vector<std::string> warnings;
  };
  explicit NetworkReload(Deps deps) : deps_(deps) {}

  // From the next request on; connections that are forbidden now are cut. Only the
  // user's own file counts. On an error of the configuration every sandbox keeps what
  // it has; on one of a sandbox the others have changed.
  absl::StatusOr<Result> Run(const Caller& caller);
  // For those who wait for no answer.
  void RunAndLog(const Caller& caller);

 private:
  const Deps deps_;
  Mutex mu_;  // one at a time: what is set last is what is recorded
};

// What the second policy has that the first has not, as text. Pure.
std::vector<std::string> RulesAdded(const egress::Policy& before, const egress::Policy& after);

}  // namespace workmux::daemon
