#pragma once

#include <string_view>

namespace workmux::test {

// Checks `actual` against tests/golden/<name>. With WORKMUX_UPDATE_GOLDEN=1 the
// file is rewritten instead.
void CheckGolden(std::string_view name, std::string_view actual);

}  // namespace workmux::test
