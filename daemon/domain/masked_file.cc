#include "daemon/domain/masked_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <cerrno>

#include "common/base/status.h"
#include "common/base/strings.h"

namespace workmux::daemon {

namespace fs = std::filesystem;
namespace {

absl::StatusOr<MaskedFile> Look(const fs::path& path) {
  struct statx info {};
  if (::statx(AT_FDCWD, path.c_str(), AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS | STATX_BTIME,
              &info) != 0) {
    return ErrnoStatus(errno, path.native());
  }
  MaskedFile file{path, ::makedev(info.stx_dev_major, info.stx_dev_minor), info.stx_ino};
  if ((info.stx_mask & STATX_BTIME) != 0)
    file.birth = info.stx_btime.tv_sec * 1'000'000'000 + info.stx_btime.tv_nsec;
  return file;
}

}  // namespace

absl::StatusOr<std::vector<MaskedFile>> LookAtMasked(std::span<const fs::path> paths) {
  std::vector<MaskedFile> files;
  for (const fs::path& path : paths) {
    WM_ASSIGN_OR_RETURN(MaskedFile file, Look(path));
    files.push_back(std::move(file));
  }
  return files;
}

bool IsStillThere(const MaskedFile& file) {
  const auto now = Look(file.path);
  return now.ok() && now->device == file.device && now->inode == file.inode &&
         (file.birth == 0 || now->birth == file.birth);
}

std::string MasksToText(std::span<const MaskedFile> files) {
  std::string text;
  for (const MaskedFile& file : files) {
    // Signed, as they are read: overlay file systems set an inode's highest bits.
    text += Format("{} {} {} {}\n", static_cast<long long>(file.device),
                   static_cast<long long>(file.inode), file.birth, file.path.native());
  }
  return text;
}

absl::StatusOr<std::vector<MaskedFile>> MasksFromText(std::string_view text) {
  std::vector<MaskedFile> files;
  for (const std::string& line : SplitLines(text)) {
    // The path is absolute and may hold blanks.
    const std::size_t path = line.find('/');
    const std::vector<std::string> numbers =
        Split(Trim(std::string_view(line).substr(0, path)), ' ');
    long long device = 0;
    long long inode = 0;
    long long birth = 0;
    if (path == std::string::npos || numbers.size() < 2 || numbers.size() > 3 ||
        !ParseInt(numbers[0], device) || !ParseInt(numbers[1], inode) ||
        (numbers.size() == 3 && !ParseInt(numbers[2], birth))) {
      return DataLoss("a record of masked files is not understood");
    }
    files.push_back(
        {line.substr(path), static_cast<dev_t>(device), static_cast<ino_t>(inode), birth});
  }
  return files;
}

}  // namespace workmux::daemon
