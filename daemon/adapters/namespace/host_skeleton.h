#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

#include "common/process/command.h"

namespace workmux::daemon {

// What of the host's system a namespace sandbox sees, read-only.
struct HostSkeleton {
  struct Link {
    std::string target;
    std::filesystem::path path;
    bool operator==(const Link&) const = default;
  };
  std::vector<std::filesystem::path> directories;
  std::vector<Link> links;  // /bin -> usr/bin on merged systems
  std::vector<std::filesystem::path> etc;
  std::string passwd;  // made for the sandbox: root, the user, nobody
  std::string group;
};

// Looks at the file system: what of the allow-list exists on this host. `caller`
// gives the user's name and shell.
HostSkeleton ReadHostSkeleton(const Env& caller, uid_t uid, gid_t gid,
                              const std::filesystem::path& home);

}  // namespace workmux::daemon
