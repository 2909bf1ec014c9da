#pragma once

#include <asio/ssl/context.hpp>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "common/base/secret.h"

namespace workmux::broker {

// A certificate authority of one sandbox, which nothing else trusts. It can speak for the
// hosts that it was made for and for no others (name constraints, RFC 5280 4.2.1.10), and
// its key never leaves the daemon and its database.
class Authority {
 public:
  // A new one: ECDSA on P-256, valid for ten years. `hosts`: normal names, at least one;
  // what is below them is its to speak for too.
  static absl::StatusOr<Authority> Make(const std::vector<std::string>& hosts);
  // What ToText returned. kDataLoss for anything else.
  static absl::StatusOr<Authority> FromText(const Secret& text);
  Secret ToText() const;

  // PEM, for those who are to trust it.
  std::string certificate() const;

  // A server's side for one of the hosts: a leaf of a key of its own, TLS 1.2 and later,
  // HTTP/1.1 as the only protocol: who offers others alone is refused (RFC 7301 3.2). The
  // leaf is new with each call and valid for 397 days. kInvalidArgument for a host that
  // the authority was not made for.
  absl::StatusOr<std::shared_ptr<asio::ssl::context>> ServerFor(const std::string& host) const;

 private:
  struct Parts;  // OpenSSL's
  explicit Authority(std::shared_ptr<const Parts> parts) : parts_(std::move(parts)) {}
  std::shared_ptr<const Parts> parts_;
};

// A client's side that trusts what this host's programs trust: OpenSSL's own file and
// directory, and SSL_CERT_FILE and SSL_CERT_DIR in their place
// (SSL_CTX_set_default_verify_paths(3)). TLS 1.2 and later, HTTP/1.1, servers verified.
absl::StatusOr<std::shared_ptr<asio::ssl::context>> MakeClient();

// The certificates, PEM, of the file that MakeClient trusts, and nothing else that is in
// it; where a distribution keeps them elsewhere, of the first file of those that Go's
// crypto/x509 looks for (root_linux.go), but not in place of SSL_CERT_FILE. kNotFound
// without any.
absl::StatusOr<std::string> HostCertificates();

}  // namespace workmux::broker
