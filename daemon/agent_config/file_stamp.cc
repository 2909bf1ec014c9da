#include "daemon/agent_config/file_stamp.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "common/base/status.h"
#include "common/io/tree.h"
#include "daemon/agent_config/discarded.h"
#include "daemon/agent_config/host_file.h"
#include "daemon/sys/random.h"

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

// A new one each time: whoever writes to the directory can neither take it beforehand
// nor leave something there that is in the way of the next.
std::string TemporaryName() { return ".workmux-new-" + RandomHex(8); }

absl::Status WriteTemporary(int scratch, const std::string& temporary, std::string_view content,
                            mode_t mode) {
  absl::Status written = WriteFileAt(scratch, temporary, content, mode);
  if (!written.ok()) ::unlinkat(scratch, temporary.c_str(), 0);
  return written;
}

bool Rename(int from, const std::string& name, int to, const std::string& new_name,
            unsigned flags) {
  return ::renameat2(from, name.c_str(), to, new_name.c_str(), flags) == 0;
}

// Both renames can fail of what somebody does at the same moment: makes the entry, or
// deletes it.
absl::Status PutBack(int scratch, const std::string& temporary, int to, const std::string& name) {
  constexpr int kAttempts = 20;
  for (int i = 0; i < kAttempts; ++i) {
    if (Rename(scratch, temporary, to, name, RENAME_EXCHANGE)) {
      // Ours came out, or what was put in its place meanwhile: a directory stays, told.
      if (::unlinkat(scratch, temporary.c_str(), 0) == 0) return absl::OkStatus();
      break;
    }
    if (errno != ENOENT) break;
    if (Rename(scratch, temporary, to, name, RENAME_NOREPLACE)) return absl::OkStatus();
    if (errno != EEXIST) break;
  }
  return Annotate(ErrnoStatus(errno, name), Format("it is at {} now", temporary));
}

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

absl::Status ReplaceEntry(int scratch, const std::filesystem::path& discarded, int to,
                          const std::string& name, std::string_view content, mode_t mode) {
  const std::string temporary = TemporaryName();
  WM_RETURN_IF_ERROR(WriteTemporary(scratch, temporary, content, mode));
  if (Rename(scratch, temporary, to, name, 0)) return absl::OkStatus();
  absl::Status failed = ErrnoStatus(errno, name);
  if (errno == EISDIR || errno == ENOTEMPTY || errno == EEXIST) {
    failed = Discard(discarded, to, name);
    if (failed.ok() && Rename(scratch, temporary, to, name, 0)) return absl::OkStatus();
    if (failed.ok()) failed = ErrnoStatus(errno, name);
  }
  ::unlinkat(scratch, temporary.c_str(), 0);
  return failed;
}

absl::Status ExchangeEntry(int scratch, int to, const std::string& name, std::string_view content,
                           mode_t mode, const FileStamp& expected) {
  const absl::Status lost = Aborted("{}: written by somebody else at this moment", name);
  const std::string temporary = TemporaryName();
  WM_RETURN_IF_ERROR(WriteTemporary(scratch, temporary, content, mode));
  const bool is_new = expected.kind == FileStamp::Kind::kAbsent;
  if (!Rename(scratch, temporary, to, name, is_new ? RENAME_NOREPLACE : RENAME_EXCHANGE)) {
    const int error = errno;
    // rename(2): file systems without it say EINVAL. A moment stays in which
    // somebody else's work is lost there.
    if (error == EINVAL) {
      const absl::StatusOr<FileStamp> now = StampEntry(to, name);
      if (now.ok() && now->content == expected.content && Rename(scratch, temporary, to, name, 0))
        return absl::OkStatus();
    }
    ::unlinkat(scratch, temporary.c_str(), 0);
    return error == EEXIST || error == ENOENT || error == EINVAL ? lost : ErrnoStatus(error, name);
  }
  if (is_new) return absl::OkStatus();
  // Only now it is certain what was there.
  const absl::StatusOr<FileStamp> old = StampEntry(scratch, temporary);
  if (old.ok() && old->content == expected.content) {
    ::unlinkat(scratch, temporary.c_str(), 0);
    return absl::OkStatus();
  }
  WM_RETURN_IF_ERROR(PutBack(scratch, temporary, to, name));
  return lost;
}

}  // namespace workmux::daemon
