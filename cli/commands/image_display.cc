#include "cli/commands/image_display.h"

#include "cli/exit_code.h"
#include "common/base/format.h"
#include "common/base/strings.h"
#include "workmux/control/v1/image.pb.h"

namespace workmux::cli {

void ImageDisplay::Show(const control::v1::ImageEvent& event) {
  if (event.has_started()) {
    image_ = Printable(event.started().image());
    env_.terminal.Out(Format("{} image '{}'...\n", verb_, image_));
  }
  if (event.has_progress()) progress_.SetTitle(event.progress().title(), event.progress().detail());
  if (event.has_warning()) progress_.PrintWarning(event.warning().message());
  if (event.has_output()) progress_.PrintLine(event.output().text());
}

absl::StatusOr<int> ImageDisplay::Finish(const absl::Status& status, std::string_view what) {
  progress_.Finish();
  if (!status.ok()) return status;
  env_.terminal.Out(Format("Image '{}' is {}.\n", image_, what));
  return kExitOk;
}

}  // namespace workmux::cli
