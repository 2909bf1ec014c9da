#include "daemon/agent_config/file_stamp.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "common/base/status.h"
#include "common/io/tree.h"
#include "daemon/agent_config/host_file.h"

namespace workmux::daemon {
namespace {

long long Nanoseconds(const struct timespec& time) {
  return static_cast<long long>(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
}

absl::StatusOr<FileStamp> Stamp(int dir, const char* name, int flags) {
  FileStamp stamp;
  stamp.text = "-";
  struct stat info {};
  if (::fstatat(dir, name, &info, flags) != 0) {
    if (errno == ENOENT || errno == ENOTDIR) return stamp;
    return ErrnoStatus(errno, name);
  }
  stamp.kind = S_ISREG(info.st_mode) ? FileStamp::Kind::kRegular : FileStamp::Kind::kOther;
  stamp.mode = info.st_mode;
  stamp.size = info.st_size;
  stamp.modified_ns = Nanoseconds(info.st_mtim);
  stamp.content = Format("{}:{}:{}:{}", info.st_dev, info.st_ino, info.st_size, stamp.modified_ns);
  stamp.text = Format("{}:{}", stamp.content, Nanoseconds(info.st_ctim));
  return stamp;
}

constexpr char kTemporary[] = ".workmux-new";

}  // namespace

absl::StatusOr<FileStamp> StampHostFile(const std::filesystem::path& path) {
  const absl::StatusOr<UniqueFd> entry = OpenHostEntry(path);
  if (absl::IsNotFound(entry.status())) return FileStamp{.text = "-", .content = {}};
  WM_RETURN_IF_ERROR(entry.status());
  return Stamp(entry->get(), "", AT_EMPTY_PATH);
}

absl::StatusOr<FileStamp> StampEntry(int dir, const std::string& name) {
  return Stamp(dir, name.c_str(), AT_SYMLINK_NOFOLLOW);
}

absl::Status ReplaceEntry(int scratch, const std::filesystem::path& to_path, int to,
                          const std::string& name, std::string_view content, mode_t mode) {
  const std::string temporary = kTemporary;
  WM_RETURN_IF_ERROR(WriteFileAt(scratch, temporary, content, mode));
  if (::renameat(scratch, temporary.c_str(), to, name.c_str()) == 0) return absl::OkStatus();
  if (errno != EISDIR && errno != ENOTEMPTY && errno != EEXIST) return ErrnoStatus(errno, name);
  WM_RETURN_IF_ERROR(RemoveTree(to_path, name));
  if (::renameat(scratch, temporary.c_str(), to, name.c_str()) == 0) return absl::OkStatus();
  return ErrnoStatus(errno, name);
}

absl::Status ExchangeEntry(int scratch, int to, const std::string& name, std::string_view content,
                           mode_t mode, const FileStamp& expected) {
  const absl::Status lost = Aborted("{}: written by somebody else at this moment", name);
  const std::string temporary = kTemporary;
  WM_RETURN_IF_ERROR(WriteFileAt(scratch, temporary, content, mode));
  const bool is_new = expected.kind == FileStamp::Kind::kAbsent;
  const auto swap = [&] {
    return ::renameat2(scratch, temporary.c_str(), to, name.c_str(),
                       is_new ? RENAME_NOREPLACE : RENAME_EXCHANGE) == 0;
  };
  if (!swap()) {
    const int error = errno;
    // rename(2): file systems without it say EINVAL. A moment stays in which
    // somebody else's work is lost there.
    if (error == EINVAL) {
      WM_ASSIGN_OR_RETURN(const FileStamp now, StampEntry(to, name));
      if (now.content == expected.content &&
          ::renameat(scratch, temporary.c_str(), to, name.c_str()) == 0)
        return absl::OkStatus();
    }
    ::unlinkat(scratch, temporary.c_str(), 0);
    return error == EEXIST || error == ENOENT || error == EINVAL ? lost : ErrnoStatus(error, name);
  }
  if (is_new) return absl::OkStatus();
  // Only now it is certain what was there.
  WM_ASSIGN_OR_RETURN(const FileStamp old, StampEntry(scratch, temporary));
  if (old.content == expected.content) {
    ::unlinkat(scratch, temporary.c_str(), 0);
    return absl::OkStatus();
  }
  if (!swap()) return ErrnoStatus(errno, name);
  ::unlinkat(scratch, temporary.c_str(), 0);
  return lost;
}

}  // namespace workmux::daemon
