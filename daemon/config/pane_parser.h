#pragma once

#include <vector>

#include "daemon/config/config.h"
#include "daemon/config/value_reader.h"

namespace workmux::daemon {

// The list under `panes`. At least one pane; the first has no split, size or
// percentage, all others a split; `target` is the 0-based index of an earlier
// pane; at most one pane is zoomed, and zoom implies focus.
absl::StatusOr<std::vector<PaneConfig>> ParsePanes(const ValueReader& reader, const YamlNode& node);

}  // namespace workmux::daemon
