#include "daemon/domain/extra_mounts.h"

#include <sys/stat.h>

#include <algorithm>
#include <optional>

#include "common/base/path.h"
#include "common/base/status.h"
#include "common/base/strings.h"
#include "daemon/domain/engine_sockets.h"

namespace workmux::daemon {
namespace {

namespace fs = std::filesystem;

// hier(7), dbus-daemon(1), and what engines have beside their sockets.
constexpr const char* kSystemTrees[] = {"/proc",
                                        "/sys",
                                        "/dev",
                                        "/run/docker",
                                        "/run/dbus",
                                        "/run/user",
                                        "/run/libpod",
                                        "/run/systemd",
                                        "/run/workmux",
                                        "/var/lib/docker",
                                        "/var/lib/containers"};

std::string Lookup(const Env& env, std::string_view name) {
  const auto found = env.find(name);
  return found == env.end() ? std::string() : found->second;
}

absl::Status Refused(const fs::path& path, std::string_view why, std::string_view reason) {
  return WithHint(
      WithReason(PermissionDenied("sandbox.extra_mounts: {}: {}", Printable(path.native()), why),
                 reason),
      "Remove this entry, or mount a directory that holds only what the sandbox needs.");
}

struct Identity {
  dev_t device = 0;
  ino_t inode = 0;
  bool operator==(const Identity&) const = default;
};

std::optional<Identity> IdentityOf(const fs::path& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return std::nullopt;
  return Identity{info.st_dev, info.st_ino};
}

// Whether `inner` is `outer` or lies in it, by name or by what stands there: one
// directory can have several names (bind mounts, file systems that fold case).
bool Holds(const fs::path& outer, const fs::path& inner) {
  if (IsWithin(inner, outer)) return true;
  const auto identity = IdentityOf(outer);
  if (!identity) return false;
  for (fs::path path = inner; path.has_relative_path(); path = path.parent_path()) {
    if (IdentityOf(path) == identity) return true;
  }
  return false;
}

absl::Status CheckAllowed(const fs::path& written, const fs::path& real,
                          const OffLimits& off_limits) {
  if (Holds(real, off_limits.home))
    return Refused(written, "holds the whole home directory", "MOUNT_EXPOSES_HOME");
  for (const fs::path& tree : off_limits.trees) {
    if (!Holds(tree, real) && !Holds(real, tree)) continue;
    return Refused(written, Format("would give the sandbox {}", Printable(tree.native())),
                   "MOUNT_OFF_LIMITS");
  }
  return absl::OkStatus();
}

absl::StatusOr<Mount> Resolve(const ExtraMount& mount, const OffLimits& off_limits) {
  const std::string& text = mount.host_path.native();
  const fs::path written =
      text == "~" || text.starts_with("~/")
          ? (off_limits.home / text.substr(std::min<std::size_t>(2, text.size())))
                .lexically_normal()
          : mount.host_path;
  std::error_code error;
  fs::path real = fs::canonical(written, error);
  if (error) {
    return WithHint(WithReason(FailedPrecondition("sandbox.extra_mounts: {}: {}",
                                                  Printable(written.native()), error.message()),
                               "MOUNT_SOURCE_MISSING"),
                    "Create it or remove this entry.");
  }
  WM_RETURN_IF_ERROR(CheckAllowed(written, real, off_limits));
  const fs::file_status status = fs::symlink_status(real, error);
  if (error) return ErrnoStatus(error.value(), real.native());
  if (!fs::is_directory(status) && !fs::is_regular_file(status)) {
    return Refused(written, "is neither a file nor a directory", "MOUNT_EXPOSES_SOCKET");
  }
  return Mount{std::move(real), mount.guest_path.empty() ? written : mount.guest_path,
               mount.writable};
}

}  // namespace

OffLimits OffLimitsFor(const Env& caller, const fs::path& home, uid_t uid,
                       std::vector<fs::path> own) {
  OffLimits off_limits;
  std::vector<fs::path> trees = std::move(own);
  trees.insert(trees.end(), std::begin(kSystemTrees), std::end(kSystemTrees));
  // With what else an engine keeps in its directory.
  for (const std::string_view socket : kEngineSockets)
    trees.push_back(fs::path("/run") / *fs::path(socket).begin());
  const std::string tmux = Lookup(caller, "TMUX_TMPDIR");
  // tmux(1), TMUX_TMPDIR: its servers' sockets.
  trees.push_back(fs::path(tmux.empty() ? "/tmp" : tmux) / Format("tmux-{}", uid));
  trees.push_back(Lookup(caller, "XDG_RUNTIME_DIR"));
  trees.push_back(Lookup(caller, "SSH_AUTH_SOCK"));
  for (const std::string_view name :
       {"DOCKER_HOST", "CONTAINER_HOST", "DBUS_SESSION_BUS_ADDRESS"}) {
    const std::string address = Lookup(caller, name);
    const std::size_t path = address.find('/');
    if (!address.starts_with("unix:") || path == std::string::npos) continue;
    const std::string rest = address.substr(address.starts_with("unix://") ? path + 2 : path);
    trees.push_back(rest.substr(0, rest.find(',')));
  }
  for (const char* below :
       {".docker/run", ".docker/desktop", ".colima", ".orbstack/run", ".gnupg", ".ssh/agent"}) {
    trees.push_back(home / below);
  }
  // Compared with canonical paths, so a link on the way counts as what it leads to.
  std::error_code error;
  for (const fs::path& tree : trees) {
    if (!tree.is_absolute()) continue;
    off_limits.trees.push_back(tree.lexically_normal());
    fs::path real = fs::weakly_canonical(tree, error);
    if (!error && real != tree) off_limits.trees.push_back(std::move(real));
  }
  fs::path real_home = fs::weakly_canonical(home, error);
  off_limits.home = error ? home : std::move(real_home);
  return off_limits;
}

absl::StatusOr<std::vector<Mount>> ResolveExtraMounts(const std::vector<ExtraMount>& mounts,
                                                      const OffLimits& off_limits) {
  std::vector<Mount> resolved;
  for (const ExtraMount& mount : mounts) {
    WM_ASSIGN_OR_RETURN(Mount one, Resolve(mount, off_limits));
    resolved.push_back(std::move(one));
  }
  return resolved;
}

}  // namespace workmux::daemon
