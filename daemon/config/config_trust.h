#pragma once

#include <set>
#include <string>
#include <string_view>

#include <absl/status/statusor.h>

namespace workmux::daemon {

enum class ConfigTrust { kTrusted, kNeedsReview };

// Stands for "there is no project file" in a set of approved hashes: that a file
// is gone can loosen policy as much as a changed line.
inline constexpr std::string_view kNoProjectFile = "none";

// Whether the project file may decide what happens on the host. `approved` holds
// hashes (Sha256Hex) that the user has approved, `current` the file's hash now,
// empty when there is none. What no sandbox could have written needs no approval;
// hence the hash of the moment before a repository's first sandbox is to be
// recorded as approved (kNoProjectFile without a file).
ConfigTrust DecideConfigTrust(bool sandbox_has_existed, const std::set<std::string>& approved,
                              std::string_view current);

// Lower-case hexadecimal SHA-256 (FIPS 180-4). kInternal when the library fails.
absl::StatusOr<std::string> Sha256Hex(std::string_view bytes);

}  // namespace workmux::daemon
