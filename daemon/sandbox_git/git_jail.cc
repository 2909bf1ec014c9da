#include "daemon/sandbox_git/git_jail.h"

#include "common/base/status.h"
#include "common/process/posix_command_runner.h"

namespace workmux::daemon {

absl::StatusOr<BubblewrapJail> BubblewrapJail::Find() {
  absl::StatusOr<std::filesystem::path> program =
      FindProgram("bwrap", {{"PATH", "/usr/local/bin:/usr/bin:/bin"}});
  if (!program.ok()) {
    return WithHint(WithReason(NotFound("bubblewrap is not installed"), "BWRAP_MISSING"),
                    "install the package bubblewrap");
  }
  return BubblewrapJail(*std::move(program));
}

std::vector<std::string> BubblewrapJail::Wrap(std::span<const std::string> argv,
                                              std::span<const Mount> mounts) const {
  std::vector<std::string> line = {program_.string(), "--unshare-all", "--die-with-parent",
                                   "--new-session",   "--cap-drop",    "ALL"};
  for (const char* dir : {"/usr", "/bin", "/lib", "/lib32", "/lib64"}) {
    line.insert(line.end(), {"--ro-bind-try", dir, dir});
  }
  line.insert(line.end(), {"--dev", "/dev", "--tmpfs", "/tmp"});
  for (const Mount& mount : mounts) {
    line.insert(line.end(), {mount.writable ? "--bind" : "--ro-bind", mount.source.string(),
                             mount.target.string()});
  }
  line.insert(line.end(), {"--chdir", "/", "--"});
  line.insert(line.end(), argv.begin(), argv.end());
  return line;
}

}  // namespace workmux::daemon
