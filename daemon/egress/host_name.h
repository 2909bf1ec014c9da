#pragma once

#include <absl/status/statusor.h>

#include <string>
#include <string_view>

namespace workmux::egress {

// A host's name in its one form: lower case, A-labels, no dot at the end. Letters,
// digits, hyphens and (not first or last) underscores, at most 63 to a label and 253
// in all (RFC 1123 2.1, RFC 1035 2.3.4). kInvalidArgument, with the reason, for
// everything else: what another program could read as another host or as an address
// in any of the notations of inet_aton(3) is no name.
absl::StatusOr<std::string> NormalHost(std::string_view text);

}  // namespace workmux::egress
