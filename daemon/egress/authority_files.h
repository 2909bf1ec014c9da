#pragma once

namespace workmux::egress {

// Beside the proxy's socket, for the programs of a sandbox with credentials: the
// sandbox's own authority, and this host's certificates with it. Both are PEM.
inline constexpr char kAuthorityFile[] = "authority.pem";
inline constexpr char kCertificatesFile[] = "certificates.pem";

}  // namespace workmux::egress
