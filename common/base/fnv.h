#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/format.h"

namespace workmux {

// FNV-1a, 64 bits (http://www.isthe.com/chongo/tech/comp/fnv/): a short name for a
// text. Whoever can choose texts can make two with one hash.
class FnvHash {
 public:
  FnvHash& Add(std::string_view text) {
    for (const char c : text) Add(static_cast<unsigned char>(c));
    return *this;
  }
  FnvHash& Add(unsigned char byte) {
    hash_ = (hash_ ^ byte) * 0x100000001b3u;
    return *this;
  }
  std::string Hex() const { return Format("{:016x}", hash_); }

 private:
  std::uint64_t hash_ = 0xcbf29ce484222325u;
};

}  // namespace workmux
