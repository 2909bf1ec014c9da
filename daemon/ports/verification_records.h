#pragma once

#include <absl/status/statusor.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace workmux::daemon {

// What a session's sandbox is meant to be, and which combinations have passed.
// Thread-safe, survives the daemon.
class VerificationRecords {
 public:
  virtual ~VerificationRecords() = default;

  struct Meant {
    std::string session_id;
    std::string expectation;
    std::string combination;  // whose proof it waits for; empty: it does not wait
  };
  virtual absl::Status PutMeant(const Meant& meant) = 0;
  virtual absl::StatusOr<std::optional<Meant>> GetMeant(std::string_view session_id) = 0;
  // Its sandbox waits for no proof any more. Nothing for a session that is gone.
  virtual absl::Status ClearCombination(std::string_view session_id) = 0;
  virtual absl::Status EraseMeant(std::string_view session_id) = 0;

  virtual absl::StatusOr<bool> IsVerified(std::string_view combination) = 0;
  virtual absl::Status PutVerified(std::string_view combination) = 0;
};

}  // namespace workmux::daemon
