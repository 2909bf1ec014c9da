#pragma once

#include <absl/status/statusor.h>
#include <sys/types.h>

#include <cstdint>
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
  // Nanoseconds since 1970, as statx(2) has it; 0: the file system does not tell. A
  // new file may get a removed one's inode number.
  std::int64_t birth = 0;
  bool operator==(const MaskedFile&) const = default;
};

// What stands at the paths now.
absl::StatusOr<std::vector<MaskedFile>> LookAtMasked(std::span<const std::filesystem::path> paths);

// Whether it still stands at its path. What cannot be looked at does not.
bool IsStillThere(const MaskedFile& file);

// One line for each, for a record; paths hold no line breaks. The second is
// kDataLoss for text of another form.
std::string MasksToText(std::span<const MaskedFile> files);
absl::StatusOr<std::vector<MaskedFile>> MasksFromText(std::string_view text);

}  // namespace workmux::daemon
