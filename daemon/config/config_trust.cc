#include "daemon/config/config_trust.h"

#include <openssl/evp.h>

#include <array>

#include "common/base/status.h"

namespace workmux::daemon {

ConfigTrust DecideConfigTrust(bool sandbox_has_existed, const std::set<std::string>& approved,
                              std::string_view current) {
  if (!sandbox_has_existed) return ConfigTrust::kTrusted;
  const std::string_view subject = current.empty() ? kNoProjectFile : current;
  return approved.contains(std::string(subject)) ? ConfigTrust::kTrusted
                                                 : ConfigTrust::kNeedsReview;
}

absl::StatusOr<std::string> Sha256Hex(std::string_view bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  if (EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, EVP_sha256(), nullptr) != 1) {
    return Internal("cannot compute a SHA-256 digest");
  }
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string hex;
  for (unsigned int i = 0; i < size; ++i) {
    hex += kDigits[digest[i] >> 4u];
    hex += kDigits[digest[i] & 15u];
  }
  return hex;
}

}  // namespace workmux::daemon
