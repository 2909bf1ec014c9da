#include "daemon/domain/masked_file.h"

#include <sys/stat.h>

#include <cerrno>

#include "common/base/status.h"
#include "common/base/strings.h"

namespace workmux::daemon {

namespace fs = std::filesystem;

absl::StatusOr<std::vector<MaskedFile>> LookAtMasked(std::span<const fs::path> paths) {
  std::vector<MaskedFile> files;
  for (const fs::path& path : paths) {
    struct stat info {};
    if (::lstat(path.c_str(), &info) != 0) return ErrnoStatus(errno, path.native());
    files.push_back({path, info.st_dev, info.st_ino});
  }
  return files;
}

std::string MasksToText(std::span<const MaskedFile> files) {
  std::string text;
  for (const MaskedFile& file : files) {
    // Signed, as they are read: overlay file systems set an inode's highest bits.
    text += Format("{} {} {}\n", static_cast<long long>(file.device),
                   static_cast<long long>(file.inode), file.path.native());
  }
  return text;
}

absl::StatusOr<std::vector<MaskedFile>> MasksFromText(std::string_view text) {
  std::vector<MaskedFile> files;
  for (const std::string& line : SplitLines(text)) {
    const std::size_t first = line.find(' ');
    const std::size_t second = first == std::string::npos ? first : line.find(' ', first + 1);
    long long device = 0;
    long long inode = 0;
    if (second == std::string::npos || !ParseInt(line.substr(0, first), device) ||
        !ParseInt(line.substr(first + 1, second - first - 1), inode)) {
      return DataLoss("a record of masked files is not understood");
    }
    files.push_back(
        {line.substr(second + 1), static_cast<dev_t>(device), static_cast<ino_t>(inode)});
  }
  return files;
}

}  // namespace workmux::daemon
