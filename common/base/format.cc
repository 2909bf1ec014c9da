// Header-only in this one file: static programs need fmt's code and the
// distribution ships no archive of it.
#define FMT_HEADER_ONLY
#include "common/base/format.h"

#include <fmt/format.h>

namespace workmux {

std::string VFormat(fmt::string_view format, fmt::format_args args) {
  return fmt::vformat(format, args);
}

}  // namespace workmux
