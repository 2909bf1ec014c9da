#include "daemon/adapters/git/ref_files.h"

#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/io/file.h"
#include "daemon/adapters/git/ref_name.h"

namespace workmux::daemon {
namespace {

constexpr std::size_t kMaxRefFile = 8192;
constexpr std::size_t kMaxPackedRefs = 512u << 20;
// SYMREF_MAXDEPTH of git's refs.c.
constexpr int kMaxDepth = 5;

}  // namespace

absl::StatusOr<RefValue> ParseRefFile(std::string_view content) {
  const auto text = Trim(content);
  if (text.starts_with("ref:")) {
    const auto target = Trim(text.substr(4));
    if (IsRefName(target)) return RefValue{.target = std::string(target), .id = {}};
  } else if (IsObjectId(text)) {
    return RefValue{.target = {}, .id = std::string(text)};
  }
  return WithReason(DataLoss("a reference file holds neither an object nor a reference"),
                    "BAD_REFERENCE");
}

absl::StatusOr<RefValue> RefFiles::Read(std::string_view ref) {
  if (!IsRefName(ref)) return NotFound("no reference '{}'", Printable(ref));
  auto content = ReadFileBeneath(common_dir_, ref, kMaxRefFile);
  if (content.ok()) return ParseRefFile(*content);
  if (content.status().code() != absl::StatusCode::kNotFound) {
    return Unimplemented("{}", MessageOf(content.status()));
  }
  WM_ASSIGN_OR_RETURN(std::string id, FindPacked(ref));
  return RefValue{.target = {}, .id = std::move(id)};
}

absl::StatusOr<std::string> RefFiles::Resolve(std::string_view ref) {
  std::string name(ref);
  for (int depth = 0; depth < kMaxDepth; ++depth) {
    WM_ASSIGN_OR_RETURN(RefValue value, Read(name));
    if (!value.id.empty()) return std::move(value.id);
    name = std::move(value.target);
  }
  return WithReason(DataLoss("'{}' leads through too many references", Printable(ref)),
                    "BAD_REFERENCE");
}

absl::StatusOr<std::string> RefFiles::FindPacked(std::string_view ref) {
  if (!packed_read_) {
    // With reftable, refs/heads is a file and HEAD names refs/heads/.invalid
    // (reftable documentation, "Compatibility").
    std::error_code error;
    if (std::filesystem::exists(common_dir_ / "reftable", error) || error) {
      return Unimplemented("references are stored as reftable");
    }
    auto content = ReadFileBeneath(common_dir_, "packed-refs", kMaxPackedRefs);
    if (content.ok()) {
      packed_ = "\n" + *content;
    } else if (content.status().code() != absl::StatusCode::kNotFound) {
      return Unimplemented("{}", MessageOf(content.status()));
    }
    packed_read_ = true;
  }
  const std::string needle = " " + std::string(ref) + "\n";
  for (auto at = packed_.find(needle); at != std::string::npos; at = packed_.find(needle, at + 1)) {
    const auto start = packed_.rfind('\n', at) + 1;
    const std::string_view id(packed_.data() + start, at - start);
    if (IsObjectId(id)) return std::string(id);
  }
  return WithReason(NotFound("no reference '{}'", Printable(ref)), "NO_SUCH_REF");
}

}  // namespace workmux::daemon
