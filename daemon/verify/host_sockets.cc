#include "daemon/verify/host_sockets.h"

#include <algorithm>
#include <string_view>

#include "common/base/format.h"
#include "common/process/env.h"
#include "daemon/domain/engine_sockets.h"

namespace workmux::daemon {
namespace {

namespace fs = std::filesystem;

// The defaults of each program beside the engines, below /run and below the user's
// runtime directory.
constexpr std::string_view kOfSystem[] = {"dbus/system_bus_socket", "systemd/private",
                                          "snapd.socket"};
constexpr std::string_view kOfUser[] = {
    "bus",         "systemd/private", "gnupg/S.gpg-agent", "gnupg/S.gpg-agent.ssh",
    "keyring/ssh", "keyring/control", "ssh-agent.socket",  "workmux/workmuxd.sock"};

// The path of "unix://PATH", "unix:path=PATH,…" and plain paths.
std::string PathIn(std::string value) {
  for (const std::string_view prefix : {"unix://", "unix:path="}) {
    if (value.starts_with(prefix)) value.erase(0, prefix.size());
  }
  value = value.substr(0, value.find(','));
  return value.starts_with('/') ? value : std::string();
}

}  // namespace

std::vector<fs::path> HostSockets(const Env& caller, uid_t uid) {
  std::vector<fs::path> sockets;
  const auto add = [&sockets](const fs::path& path) {
    const fs::path plain = path.lexically_normal();
    if (path.is_absolute() && std::find(sockets.begin(), sockets.end(), plain) == sockets.end())
      sockets.push_back(plain);
  };
  for (const fs::path run : {"/run", "/var/run"}) {
    for (const std::string_view name : kEngineSockets) add(run / name);
    for (const std::string_view name : kOfSystem) add(run / name);
  }
  std::vector<fs::path> runtimes = {Format("/run/user/{}", uid)};
  if (const std::string named = PathIn(Lookup(caller, "XDG_RUNTIME_DIR")); !named.empty())
    runtimes.emplace_back(named);
  for (const fs::path& runtime : runtimes) {
    for (const std::string_view name : kEngineSockets) add(runtime / name);
    for (const std::string_view name : kOfUser) add(runtime / name);
  }
  for (const char* name : {"SSH_AUTH_SOCK", "DBUS_SESSION_BUS_ADDRESS", "DOCKER_HOST",
                           "CONTAINER_HOST", "WORKMUX_SOCKET"}) {
    if (const std::string path = PathIn(Lookup(caller, name)); !path.empty()) add(path);
  }
  // "SOCKET,PID,SESSION", tmux(1).
  if (const std::string path = PathIn(Lookup(caller, "TMUX")); !path.empty()) add(path);
  add(Format("/tmp/tmux-{}/default", uid));
  return sockets;
}

}  // namespace workmux::daemon
