#include "daemon/sandbox_git/private_refs.h"

#include <algorithm>

#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/io/file.h"
#include "daemon/adapters/git/ref_name.h"
#include "daemon/sandbox_git/host_refs.h"

namespace workmux::daemon {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxLooseRef = 4096;                     // bytes
constexpr std::size_t kMaxPackedRefs = std::size_t{64} << 20;  // bytes

absl::Status Refused(std::string_view name, std::string_view why) {
  return WithReason(FailedPrecondition("{} in the sandbox {}", Printable(name), why),
                    "IMPORT_REFUSED");
}

// kNotFound also when a file stands where a directory would have to be.
absl::StatusOr<std::string> ReadLoose(const fs::path& dir, std::string_view name) {
  absl::StatusOr<std::string> content = ReadFileBeneath(dir, std::string(name), kMaxLooseRef);
  if (!content.ok()) {
    if (absl::IsNotFound(content.status())) return content.status();
    return Refused(name, "is no plain file (" + MessageOf(content.status()) + ")");
  }
  const std::string_view id = Trim(*content);
  if (!IsObjectId(id)) return Refused(name, "does not hold an object id");
  return std::string(id);
}

absl::StatusOr<std::string> ReadPacked(const fs::path& dir) {
  absl::StatusOr<std::string> text = ReadFileBeneath(dir, "packed-refs", kMaxPackedRefs);
  if (text.ok()) return text;
  if (absl::IsNotFound(text.status())) return std::string();
  return Refused("packed-refs", "cannot be read (" + MessageOf(text.status()) + ")");
}

// `packed` begins with a newline, so that every entry stands behind one.
std::string FindPacked(std::string_view packed, std::string_view name) {
  const std::string key = " " + std::string(name) + "\n";
  for (std::size_t at = packed.find(key); at != std::string_view::npos;
       at = packed.find(key, at + 1)) {
    const std::size_t line = packed.rfind('\n', at) + 1;
    if (IsObjectId(packed.substr(line, at - line)))
      return std::string(packed.substr(line, at - line));
  }
  return "";
}

}  // namespace

absl::StatusOr<std::string> ReadPrivateRef(const fs::path& dir, std::string_view name) {
  if (!IsPlainRefName(name)) return InvalidArgument("'{}' is no ref", Printable(name));
  absl::StatusOr<std::string> loose = ReadLoose(dir, name);
  if (!absl::IsNotFound(loose.status())) return loose;
  WM_ASSIGN_OR_RETURN(const std::string packed, ReadPacked(dir));
  const std::string id = FindPacked("\n" + packed + "\n", name);
  if (id.empty()) return NotFound("{} does not exist in the sandbox", Printable(name));
  return id;
}

absl::StatusOr<std::map<std::string, std::string>> ReadPrivateRefs(
    const fs::path& dir, std::span<const std::string> names) {
  std::map<std::string, std::string> found;
  WM_ASSIGN_OR_RETURN(const std::string packed, ReadPacked(dir));
  std::map<std::string_view, std::string_view> table;
  std::string_view rest = packed;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    const std::size_t space = line.find(' ');
    if (space == std::string_view::npos || !IsObjectId(line.substr(0, space))) continue;
    table.emplace_hint(table.end(), line.substr(space + 1), line.substr(0, space));
  }
  for (const std::string& name : names) {
    std::string& id = found[name];
    if (!IsPlainRefName(name)) continue;
    const absl::StatusOr<std::string> loose = ReadLoose(dir, name);
    if (loose.ok()) {
      id = *loose;
    } else if (const auto at = table.find(name);
               absl::IsNotFound(loose.status()) && at != table.end()) {
      id = at->second;
    }
  }
  return found;
}

bool IsPlainRefName(std::string_view name) {
  if (!name.starts_with("refs/") || name.size() > 1024 || name.back() == '/') return false;
  for (const std::string& part : Split(name, '/')) {
    if (part.empty() || part.front() == '.' || part.ends_with(".lock") || part.ends_with(".")) {
      return false;
    }
  }
  if (name.find("..") != std::string_view::npos || name.find("@{") != std::string_view::npos)
    return false;
  return std::none_of(name.begin(), name.end(), [](char c) {
    return (c >= 0 && c <= ' ') || c == '\x7f' ||
           std::string_view("~^:?*[\\\"").find(c) != std::string_view::npos;
  });
}

}  // namespace workmux::daemon
