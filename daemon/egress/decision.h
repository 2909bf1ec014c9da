#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace workmux::egress {

// Why a connection was refused or cut: stable words, for logs and for programs.
namespace reason {
inline constexpr std::string_view kBadRequest = "bad-request";
inline constexpr std::string_view kBadCredentials = "bad-credentials";
inline constexpr std::string_view kHostNotAllowed = "host-not-allowed";
inline constexpr std::string_view kNotResolved = "name-not-resolved";
inline constexpr std::string_view kResolverBusy = "resolver-busy";
inline constexpr std::string_view kPrivateAddress = "private-address";
inline constexpr std::string_view kForbiddenAddress = "forbidden-address";
inline constexpr std::string_view kOwnAddress = "address-of-this-host";
inline constexpr std::string_view kNotConnected = "not-connected";
inline constexpr std::string_view kTooManyTunnels = "too-many-tunnels";
inline constexpr std::string_view kTooSlow = "too-slow";
inline constexpr std::string_view kNotTls = "not-tls";
inline constexpr std::string_view kNoServerName = "no-server-name";
inline constexpr std::string_view kOtherServerName = "other-server-name";
// Of requests to a host of a credential rule.
inline constexpr std::string_view kCertificateNotTaken = "certificate-not-taken";
inline constexpr std::string_view kOtherHostInside = "other-host-inside";
inline constexpr std::string_view kRequestNotAllowed = "request-not-allowed";
inline constexpr std::string_view kCredentialInQuery = "credential-in-query";
inline constexpr std::string_view kNoCredential = "credential-not-read";
inline constexpr std::string_view kNotVerified = "server-not-verified";
inline constexpr std::string_view kSecretInAnswer = "secret-in-answer";
inline constexpr std::string_view kPolicyChanged = "policy-changed";
inline constexpr std::string_view kIdle = "idle";
inline constexpr std::string_view kClosed = "closed";  // with the sandbox
}  // namespace reason

// True for what a rule forbade; false where the network itself failed.
constexpr bool IsForbidden(std::string_view why) {
  return !why.empty() && why != reason::kNotResolved && why != reason::kResolverBusy &&
         why != reason::kNotConnected && why != reason::kNoCredential &&
         why != reason::kCertificateNotTaken && why != reason::kTooSlow && why != reason::kIdle &&
         why != reason::kClosed;
}

// What was decided about a request of a sandbox. Names are normal ones: nothing that
// a guest wrote freely is in it.
struct Decision {
  std::uint64_t connection = 0;  // unique while the daemon runs
  std::string session;
  std::string host;     // empty: the request named none
  std::string service;  // of the host itself, in place of `host`
  bool allowed = false;
  std::string reason;  // one of the above; with `allowed`: what was let pass all the same
  std::string rule;    // that decided; empty: none
  std::string detail;  // for the person at the host: address, block, error
};

// An allowed connection is over.
struct Ending {
  std::uint64_t connection = 0;
  std::string session;
  std::string host;
  std::string service;
  std::string reason;  // empty: by its ends
  std::uint64_t bytes_up = 0;
  std::uint64_t bytes_down = 0;
  std::int64_t milliseconds = 0;
};

// Called on the proxy's thread; must not block.
class Observer {
 public:
  virtual ~Observer() = default;
  virtual void Decided(const Decision& decision) = 0;
  virtual void Ended(const Ending& ending) = 0;
};

}  // namespace workmux::egress
