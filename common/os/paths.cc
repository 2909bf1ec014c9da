#include "common/os/paths.h"

#include "common/base/status.h"
#include "common/io/socket.h"

namespace workmux {
namespace {

namespace fs = std::filesystem;

fs::path AbsoluteOr(const Env& env, std::string_view name, const fs::path& fallback) {
  const auto found = env.find(name);
  if (found == env.end() || !found->second.starts_with('/')) return fallback;
  return found->second;
}

}  // namespace

absl::StatusOr<Paths> PathsFrom(const Env& env) {
  Paths paths;
  paths.home = AbsoluteOr(env, "HOME", {});
  if (paths.home.empty()) {
    return WithHint(
        WithReason(FailedPrecondition("HOME is not set to an absolute path"), "HOME_UNSET"),
        "set HOME to your home directory");
  }
  paths.config = AbsoluteOr(env, "XDG_CONFIG_HOME", paths.home / ".config") / "workmux";
  paths.state = AbsoluteOr(env, "XDG_STATE_HOME", paths.home / ".local/state") / "workmux";
  const fs::path runtime = AbsoluteOr(env, "XDG_RUNTIME_DIR", {});
  paths.runtime = runtime.empty() ? paths.state / "run" : runtime / "workmux";
  paths.socket = AbsoluteOr(env, "WORKMUX_SOCKET", paths.runtime / "workmuxd.sock");
  WM_RETURN_IF_ERROR(CheckSocketPath(paths.socket));
  return paths;
}

absl::StatusOr<fs::path> InstallPrefix() {
  std::error_code error;
  const fs::path self = fs::read_symlink("/proc/self/exe", error);
  if (error) return Internal("/proc/self/exe: {}", error.message());
  return self.parent_path().parent_path();
}

}  // namespace workmux
