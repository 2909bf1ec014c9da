#pragma once

#include <absl/status/statusor.h>

#include <filesystem>
#include <string>
#include <string_view>

namespace workmux::daemon {

// What HEAD or another reference file says, gitrepository-layout(5).
struct RefValue {
  std::string target;  // the reference that a symbolic one names
  std::string id;      // else the object
};
// kDataLoss when it is neither.
absl::StatusOr<RefValue> ParseRefFile(std::string_view content);

// References of one repository, read from its files without a process:
// loose ones first, then packed-refs, which is read once and kept. A snapshot
// for one operation; not thread-safe.
class RefFiles {
 public:
  explicit RefFiles(std::filesystem::path common_dir) : common_dir_(std::move(common_dir)) {}

  // The object that `ref` (a full name) comes to, through symbolic references.
  // kNotFound: it does not exist. kUnimplemented: only git can tell (reftable,
  // or a layout of links and directories that files alone do not decide).
  absl::StatusOr<std::string> Resolve(std::string_view ref);
  // The same, without following a symbolic reference.
  absl::StatusOr<RefValue> Read(std::string_view ref);

 private:
  absl::StatusOr<std::string> FindPacked(std::string_view ref);

  std::filesystem::path common_dir_;
  bool packed_read_ = false;
  std::string packed_;  // with a '\n' in front, so that every line has one
};

}  // namespace workmux::daemon
