#pragma once

#include <absl/status/statusor.h>

#include "cli/command.h"

namespace workmux::cli {

struct TrustOptions {
  bool yes = false;
};

// Shows the project's configuration when it has changed since it was trusted,
// asks, and trusts exactly what was shown.
absl::StatusOr<int> RunTrust(const TrustOptions& options, const CommandEnv& env);

// True when `status` says that the configuration must be trusted first and the
// user has just agreed: the call is worth repeating. An error when it was
// refused. False for every other status, and where nobody can be asked.
absl::StatusOr<bool> TrustedJustNow(const absl::Status& status, const CommandEnv& env);

// The result of `call()`, repeated once when it failed for want of trust and the
// user gave it.
template <class Call>
auto RetryAfterTrust(const CommandEnv& env, Call call) -> decltype(call()) {
  auto result = call();
  if (result.ok()) return result;
  const absl::StatusOr<bool> again = TrustedJustNow(result.status(), env);
  if (!again.ok()) return again.status();
  if (*again) return call();
  return result;
}

}  // namespace workmux::cli
