#pragma once

#include <absl/status/statusor.h>
#include <sys/types.h>

#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace workmux::daemon {

// A file of the host that a sandbox has a mask over.
struct MaskedFile {
  std::filesystem::path path;
  dev_t device = 0;
  ino_t inode = 0;
  bool operator==(const MaskedFile&) const = default;
};

// What stands at the paths now.
absl::StatusOr<std::vector<MaskedFile>> LookAtMasked(std::span<const std::filesystem::path> paths);

// One line for each, for a record; paths hold no line breaks. The second is
// kDataLoss for text of another form.
std::string MasksToText(std::span<const MaskedFile> files);
absl::StatusOr<std::vector<MaskedFile>> MasksFromText(std::string_view text);

}  // namespace workmux::daemon
