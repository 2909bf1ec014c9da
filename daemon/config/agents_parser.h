#pragma once

#include <map>
#include <string>

#include "daemon/config/config.h"
#include "daemon/config/value_reader.h"

namespace workmux::daemon {

// The map under `agents`: a name, and a command line or a map of command, type,
// args and env. Names have no white space, no control characters and no "<>", as
// they stand in pane commands (`<agent:NAME>`).
absl::StatusOr<std::map<std::string, AgentConfig>> ParseAgents(const ValueReader& reader,
                                                               const YamlNode& node);

}  // namespace workmux::daemon
