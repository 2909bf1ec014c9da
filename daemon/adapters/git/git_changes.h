#pragma once

#include <string_view>

namespace workmux::daemon {

// Whether an index file may hold a gitlink. False is certain: every version of
// the format stores each entry's mode as 32 bits, big-endian (gitformat-index(5));
// a split index, whose entries are elsewhere, is true.
bool MayHoldGitlinks(std::string_view index);

}  // namespace workmux::daemon
