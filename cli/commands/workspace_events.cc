#include "cli/commands/workspace_events.h"

#include "workmux/control/v1/workspace.pb.h"

namespace workmux::cli {

void ShowEvent(const control::v1::WorkspaceEvent& event, ProgressDisplay& progress) {
  if (event.has_progress()) {
    progress.SetTitle(event.progress().title(), event.progress().detail());
  }
  if (event.has_warning()) progress.PrintWarning(event.warning().message());
  if (event.has_output()) progress.PrintLine(event.output().text());
}

}  // namespace workmux::cli
