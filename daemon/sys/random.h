#pragma once

#include <string>

#include "common/base/secret.h"

namespace workmux::daemon {

// 32 bytes of getrandom(2) as base64url without padding (RFC 4648 section 5).
Secret RandomToken();
// 2 * bytes hexadecimal digits of getrandom(2).
std::string RandomHex(std::size_t bytes);

}  // namespace workmux::daemon
