#pragma once

#include <sys/types.h>

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

#include <absl/status/statusor.h>

namespace workmux::daemon {

// What tells one content of a file from another without reading it. The time of
// the last change of the inode is part of it, which nobody can set.
struct FileStamp {
  enum class Kind { kAbsent, kRegular, kOther };
  Kind kind = Kind::kAbsent;
  mode_t mode = 0;
  off_t size = 0;
  long long modified_ns = 0;  // since the epoch; a guest's word for its own files
  std::string text;           // equal texts: the same content; "-" when absent
  std::string content;        // the same without that time, which a rename changes
};

// Of a file of the host's, as OpenHostEntry finds it.
absl::StatusOr<FileStamp> StampHostFile(const std::filesystem::path& path);
// Of an entry of the open directory `dir`: a link is kOther.
absl::StatusOr<FileStamp> StampEntry(int dir, const std::string& name);

// Writes `to`/`name` (one component) through a temporary file in the directory
// `scratch`, on the same file system, and a rename. What stands there goes, a
// directory to `discarded` (discarded.h). Nothing is synced.
absl::Status ReplaceEntry(int scratch, const std::filesystem::path& discarded, int to,
                          const std::string& name, std::string_view content, mode_t mode);

// The same, but only over what `expected` says: kAborted when somebody else wrote,
// made or deleted the entry since, whose work is then left as it is. What cannot be put
// back any more stays in `scratch` under the name that the error tells.
absl::Status ExchangeEntry(int scratch, int to, const std::string& name, std::string_view content,
                           mode_t mode, const FileStamp& expected);

}  // namespace workmux::daemon
