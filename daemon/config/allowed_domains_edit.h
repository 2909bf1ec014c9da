#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include <absl/status/statusor.h>

#include "daemon/egress/egress_policy.h"

namespace workmux::daemon {

// The configuration's text with one more item in sandbox.network.allowed_domains;
// every other byte stays. Unchanged when the rule is there already. Only what can be
// placed with certainty is: a list in block style, or none where `sandbox` or `network`
// are in block style or absent. The result has been parsed and compared: it means what
// the old one did, and the item. Pure. Errors: CONFIG_NOT_EDITABLE with the lines to
// add by hand; CONFIG_INVALID, as loading gives it.
absl::StatusOr<std::string> WithAllowedDomain(std::string_view text, std::string_view file,
                                              const egress::HostRule& rule);

// The same with the user's file in `global_dir`, which is made when there is none; a
// link stays one. Returns the file, or an empty path when nothing had to change.
absl::StatusOr<std::filesystem::path> SaveAllowedDomain(const std::filesystem::path& global_dir,
                                                        const egress::HostRule& rule);

}  // namespace workmux::daemon
