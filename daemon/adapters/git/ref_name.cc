#include "daemon/adapters/git/ref_name.h"

#include <algorithm>
#include <string>

#include "common/base/status.h"
#include "common/base/strings.h"

namespace workmux::daemon {
namespace {

// NAME_MAX of Linux file systems less the ".lock" that git appends.
constexpr std::size_t kMaxComponent = 250;
// Leaves room below PATH_MAX for the repository's own path.
constexpr std::size_t kMaxName = 2048;

bool IsForbidden(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte <= 0x20 || byte == 0x7f ||
         std::string_view("~^:?*[\\").find(c) != std::string_view::npos;
}

bool IsComponent(std::string_view part) {
  return !part.empty() && part.size() <= kMaxComponent && !part.starts_with('.') &&
         !part.ends_with(".lock");
}

}  // namespace

bool IsRefName(std::string_view name) {
  if (name.empty() || name.size() > kMaxName || name == "@" || !name.starts_with("refs/"))
    return false;
  if (name.ends_with('.') || name.find("..") != std::string_view::npos ||
      name.find("@{") != std::string_view::npos) {
    return false;
  }
  if (std::any_of(name.begin(), name.end(), IsForbidden)) return false;
  while (true) {
    const auto slash = name.find('/');
    if (!IsComponent(name.substr(0, slash))) return false;
    if (slash == std::string_view::npos) return true;
    name.remove_prefix(slash + 1);
  }
}

bool IsObjectId(std::string_view text) {
  return (text.size() == 40 || text.size() == 64) &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

absl::Status CheckBranch(std::string_view branch) {
  // "@" is short for HEAD wherever git takes a branch.
  if (!branch.starts_with('-') && branch != "HEAD" && branch != "@" &&
      IsRefName("refs/heads/" + std::string(branch))) {
    return absl::OkStatus();
  }
  const std::string shown = Printable(branch.substr(0, 80));
  return WithHint(
      WithReason(InvalidArgument("'{}' is no valid branch name", shown), "INVALID_BRANCH_NAME"),
      "Choose a name without spaces, control characters, '..', '~', '^', ':', '?', '*', '[', "
      "'\\' or a leading '-', and with parts of at most 250 bytes.");
}

absl::Status CheckRevision(std::string_view text) {
  const bool one_operand = !text.empty() && !text.starts_with('-') && !text.starts_with('^') &&
                           text.find("..") == std::string_view::npos &&
                           std::none_of(text.begin(), text.end(), [](char c) {
                             return static_cast<unsigned char>(c) < 0x20;
                           });
  if (one_operand) return absl::OkStatus();
  const std::string shown = Printable(text.substr(0, 80));
  return WithHint(WithReason(InvalidArgument("'{}' is no revision", shown), "INVALID_REVISION"),
                  "name one branch, tag or commit");
}

}  // namespace workmux::daemon
