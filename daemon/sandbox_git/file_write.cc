#include "daemon/sandbox_git/file_write.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "common/base/status.h"
#include "common/base/unique_fd.h"

namespace workmux::daemon {
namespace {

namespace fs = std::filesystem;

absl::Status Write(const fs::path& path, int flags, std::string_view content) {
  UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | flags, 0600));
  if (!fd.valid()) return ErrnoStatus(errno, path.string());
  while (!content.empty()) {
    const ssize_t n = ::write(fd.get(), content.data(), content.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return ErrnoStatus(errno, path.string());
    content.remove_prefix(static_cast<std::size_t>(n));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status MakeDirectories(const fs::path& dir) {
  std::error_code error;
  fs::create_directories(dir, error);
  return error ? ErrnoStatus(error.value(), dir.string()) : absl::OkStatus();
}

absl::Status WriteNew(const fs::path& path, std::string_view content) {
  WM_RETURN_IF_ERROR(MakeDirectories(path.parent_path()));
  return Write(path, O_EXCL, content);
}

absl::Status ReplaceFile(const fs::path& path, std::string_view content) {
  const fs::path temporary = path.string() + ".new";
  WM_RETURN_IF_ERROR(Write(temporary, O_TRUNC, content));
  if (::rename(temporary.c_str(), path.c_str()) != 0) return ErrnoStatus(errno, path.string());
  return absl::OkStatus();
}

}  // namespace workmux::daemon
