#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

namespace workmux::egress {

// Requests that a credential may be used for: a method ("*": any) and a path, in which
// "*" stands for anything within a segment and a last "**" for all that follows.
struct RequestRule {
  std::string method;
  std::string path;
  std::string text() const { return method + " " + path; }
  bool operator==(const RequestRule&) const = default;
};

// kInvalidArgument with the reason, to go after the place.
absl::StatusOr<RequestRule> ParseRequestRule(std::string_view text);

// A secret of the host's that the daemon itself puts into the requests for one host: the
// sandbox never holds it, and what it sends in its place does not arrive.
struct CredentialRule {
  std::string host;    // NormalHost; no wildcard
  std::string header;  // of the request, in lower case
  std::string value;   // of the header; {secret} is the secret
  // Where the secret is, exactly one of both; read when it is needed.
  std::string file;                  // absolute
  std::vector<std::string> command;  // whose output it is, without its last line end
  std::string variable;              // set inside to kPlaceholder; empty: none
  std::vector<RequestRule> allow;    // empty: every request
  bool operator==(const CredentialRule&) const = default;
};

// What programs inside find where they look for a key: enough for those that do not
// start without one.
inline constexpr std::string_view kPlaceholder = "kept-by-workmux";

// kInvalidArgument with the reason: a header that frames or routes the request or is no
// name (RFC 9110 5.1), a value without {secret} or with control characters, no source or
// two, a variable that is no name.
absl::Status CheckCredential(const CredentialRule& rule);

// The first for the host (a NormalHost), or nullptr.
const CredentialRule* FindCredential(std::span<const CredentialRule> rules, std::string_view host);

// Whether the credential may be used for it. `target`: origin form (RFC 9112 3.2.1). Where
// there are rules, a path that servers read in several ways (dot segments, encoded
// slashes, empty segments) is allowed by none.
bool AllowsRequest(const CredentialRule& rule, std::string_view method, std::string_view target);

}  // namespace workmux::egress
