#pragma once

#include <absl/status/statusor.h>

#include "common/base/unique_fd.h"

namespace workmux {

struct Pipe {
  UniqueFd read;
  UniqueFd write;
};

// pipe2(2), both ends closed on exec.
absl::StatusOr<Pipe> MakePipe();

}  // namespace workmux
