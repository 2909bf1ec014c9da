#include "daemon/domain/credential_files.h"

#include <deque>
#include <filesystem>
#include <functional>
#include <string>

#include "common/base/path.h"
#include "common/base/status.h"
#include "common/base/strings.h"

namespace workmux::daemon {
namespace {

namespace fs = std::filesystem;

constexpr int kMostLinks = 40;  // path_resolution(7)

// Calls `visit` with every name that leads to the file, links' own names among them. False:
// it said so, or there is no end of links.
bool EachName(const fs::path& file, const std::function<bool(const fs::path&)>& visit) {
  std::deque<fs::path> left(file.begin(), file.end());
  fs::path at = "/";
  for (int links = 0; !left.empty();) {
    const fs::path name = std::move(left.front());
    left.pop_front();
    if (name == "/" || name == "." || name.empty()) continue;
    if (name == "..") {
      at = at.parent_path();
      continue;
    }
    if (!visit(at / name)) return false;
    std::error_code error;
    const fs::path target = fs::read_symlink(at / name, error);
    if (error) {  // no link, or not there
      at /= name;
      continue;
    }
    if (++links > kMostLinks) return false;
    if (target.is_absolute()) at = "/";
    left.insert(left.begin(), target.begin(), target.end());
  }
  return true;
}

absl::Status Refuse(const egress::CredentialRule& rule) {
  return WithHint(
      WithReason(FailedPrecondition(
                     "sandbox.network.credentials: {}: {} is where the sandbox sees or leads it",
                     rule.host, Printable(rule.file)),
                 "CREDENTIAL_INSIDE"),
      "Keep the secret in a file that no mount shows, or print it with `command`.");
}

}  // namespace

absl::Status CheckCredentialsOutside(std::span<const egress::CredentialRule> credentials,
                                     const SandboxSpec& spec) {
  const auto outside = [&spec](const fs::path& name) {
    for (const Mount& mount : spec.mounts) {
      if (IsWithin(name, mount.source)) return false;
    }
    for (const fs::path& program : spec.programs) {
      if (IsWithin(name, program)) return false;
    }
    return true;
  };
  for (const egress::CredentialRule& rule : credentials) {
    if (!rule.file.empty() && !EachName(rule.file, outside)) return Refuse(rule);
  }
  return absl::OkStatus();
}

}  // namespace workmux::daemon
