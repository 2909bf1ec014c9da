#pragma once

#include "cli/command.h"
#include "cli/terminal/progress_display.h"

namespace workmux::cli {

// Shows a stream's progress, warnings and lines of output.
void ShowEvent(const control::v1::WorkspaceEvent& event, ProgressDisplay& progress);

}  // namespace workmux::cli
