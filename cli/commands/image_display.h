#pragma once

#include <absl/status/statusor.h>

#include <string>
#include <string_view>

#include "cli/command.h"
#include "cli/terminal/progress_display.h"

namespace workmux::control::v1 {
class ImageEvent;
}

namespace workmux::cli {

// What a stream about an image shows: which image as soon as that is known, on the
// output; progress, warnings and a build's lines on the error output.
class ImageDisplay {
 public:
  // `verb`: "Pulling".
  ImageDisplay(std::string_view verb, const CommandEnv& env)
      : verb_(verb), env_(env), progress_(env.terminal) {}

  void Show(const control::v1::ImageEvent& event);

  // "Image '…' is <what>." when it went well, else the error.
  absl::StatusOr<int> Finish(const absl::Status& status, std::string_view what);

 private:
  const std::string_view verb_;
  const CommandEnv& env_;
  ProgressDisplay progress_;
  std::string image_;
};

}  // namespace workmux::cli
