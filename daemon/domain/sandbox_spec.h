#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "common/process/command.h"
#include "daemon/config/config.h"

namespace workmux::daemon {

struct Mount {
  std::filesystem::path source;  // canonical host path
  std::filesystem::path target;  // path in the sandbox
  bool writable = false;
  bool operator==(const Mount&) const = default;
};

// What a sandbox has of the network.
enum class SandboxNetwork {
  kOpen,        // what the backend gives
  kIsolated,    // loopback alone; the sockets in kGuestBridgeDir are the only way out
  kFirewalled,  // the backend's, and a packet filter that lets nothing but the proxy through
};

// Everything a backend needs to make one sandbox: the outcome of policy, frozen
// when the sandbox starts. Mounts are applied in order, later ones on top.
struct SandboxSpec {
  std::string name;  // "wm-<slug>-<id>", unique
  std::string session_id;
  std::string instance;  // of the daemon that makes it; tells orphans from others' sandboxes
  std::filesystem::path worktree;
  std::filesystem::path cwd;
  std::filesystem::path home;  // HOME inside
  std::vector<Mount> mounts;
  Env env;  // complete environment of the command; may hold secrets
  std::vector<std::string> argv;
  std::string agent;          // profile name, for labels
  std::string image;          // container backends
  ContainerConfig container;  // container backends; `pids` goes for all
  uid_t uid = 0;
  gid_t gid = 0;
  SandboxNetwork network = SandboxNetwork::kOpen;
  // Of kFirewalled: all that can be reached, on one address of the host's.
  struct Firewall {
    std::string address;
    std::uint16_t proxy_port = 0;
    std::uint16_t bridge_port = 0;  // 0: it has none
  };
  Firewall firewall;
  bool tty = false;
  std::uint32_t rows = 0;
  std::uint32_t columns = 0;
  // Agent programs that the namespace backend must make visible even when they
  // live below the host's home; read-only.
  std::vector<std::filesystem::path> programs;
};

}  // namespace workmux::daemon
