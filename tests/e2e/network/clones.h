#pragma once

#include <string>

#include "common/base/format.h"

namespace workmux::test {

// Lines of sandbox.network: hosts of the internet of every kind, of which two can be reached.
inline constexpr char kAllowed[] =
    "    allowed_domains:\n"
    "      - git.example.com\n"
    "      - inner.example.com\n"
    "      - loop.example.com\n"
    "      - own.example.com\n"
    "      - metadata.example.com\n"
    "      - host: mirror.example.com\n"
    "        allow_private_ips: true\n";

// A command inside: a clone of the repository that each host has.
inline std::string Clone(const std::string& host, int number = 0) {
  return Format("git clone --quiet https://{}/repo.git /tmp/clone{}", host, number);
}

}  // namespace workmux::test
