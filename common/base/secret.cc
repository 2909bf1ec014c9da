#include "common/base/secret.h"

#include <cstring>

namespace workmux {

Secret::~Secret() { ::explicit_bzero(value_.data(), value_.size()); }

bool Secret::Matches(std::string_view candidate) const {
  if (candidate.size() != value_.size()) return false;
  unsigned char difference = 0;
  for (std::size_t i = 0; i < value_.size(); ++i) {
    difference =
        static_cast<unsigned char>(difference | (static_cast<unsigned char>(value_[i]) ^
                                                 static_cast<unsigned char>(candidate[i])));
  }
  return difference == 0;
}

}  // namespace workmux
