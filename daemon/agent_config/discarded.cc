#include "daemon/agent_config/discarded.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

#include "common/base/status.h"
#include "common/io/file.h"
#include "common/io/tree.h"
#include "daemon/sys/random.h"

namespace workmux::daemon {
namespace {

namespace fs = std::filesystem;

// The place may be deleted at this moment, and the guest may move things.
constexpr int kAttempts = 20;

// rename(2): who moves a directory elsewhere writes its "..", which a guest can take
// the right to away. Through a descriptor: the name may mean something else by now.
void AllowMoving(int from, const std::string& name) {
  const absl::StatusOr<UniqueFd> entry = OpenAt(from, name, O_PATH | O_DIRECTORY);
  if (entry.ok()) ::chmod(Format("/proc/self/fd/{}", entry->get()).c_str(), 0700);
}

}  // namespace

absl::Status Discard(const fs::path& place, int from, const std::string& name) {
  int error = 0;
  for (int i = 0; i < kAttempts; ++i) {
    if (::unlinkat(from, name.c_str(), 0) == 0 || errno == ENOENT) return absl::OkStatus();
    if (errno != EISDIR && errno != EPERM) return ErrnoStatus(errno, name);
    WM_RETURN_IF_ERROR(MakePrivateDirectory(place));
    const std::string moved = place / RandomHex(8);
    if (::renameat2(from, name.c_str(), AT_FDCWD, moved.c_str(), RENAME_NOREPLACE) == 0)
      return absl::OkStatus();
    error = errno;
    if (error == EACCES) AllowMoving(from, name);
    if (error != EACCES && error != ENOENT && error != EEXIST) break;
  }
  return ErrnoStatus(error, name);
}

bool HasDiscarded(const fs::path& place) {
  struct stat info {};
  return ::lstat(place.c_str(), &info) == 0 || errno != ENOENT;
}

absl::Status DeleteDiscarded(const fs::path& place) {
  std::error_code error;
  std::vector<std::string> names;
  for (fs::directory_iterator entry(place, error); !error && entry != fs::directory_iterator();
       entry.increment(error)) {
    names.push_back(entry->path().filename().string());
  }
  absl::Status first = error && error != std::errc::no_such_file_or_directory
                           ? ErrnoStatus(error.value(), place.string())
                           : absl::OkStatus();
  for (const std::string& name : names) first.Update(RemoveTree(place, name));
  ::rmdir(place.c_str());
  return first;
}

}  // namespace workmux::daemon
