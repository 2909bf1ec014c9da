#pragma once

#include <absl/status/statusor.h>

#include <string_view>
#include <vector>

#include "daemon/ports/sandbox_backend.h"

namespace workmux::daemon {

// Lines "name TAB session TAB state" of `ps`. A state is a word, or a sentence that
// begins with one ("Up 3 seconds"). Pure; kDataLoss when a line is not of that form.
absl::StatusOr<std::vector<SandboxInfo>> SandboxesFromTable(std::string_view text);

// Apple's `container list --format json`: those with our label of this instance.
// Pure; kDataLoss when it is not of that form.
absl::StatusOr<std::vector<SandboxInfo>> SandboxesFromJson(std::string_view text,
                                                           std::string_view instance);

}  // namespace workmux::daemon
