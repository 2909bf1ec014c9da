#pragma once

#include <absl/status/statusor.h>

#include <filesystem>
#include <map>
#include <stop_token>
#include <string>
#include <string_view>

#include "common/process/command_runner.h"

namespace workmux::daemon {

struct HostRef {
  std::string id;
  std::string peeled;  // of an annotated tag, when the host's packed-refs knows it
  bool operator==(const HostRef& other) const { return id == other.id; }
};

struct HostRefs {
  std::map<std::string, HostRef, std::less<>> refs;
  std::map<std::string, std::string, std::less<>> symbolic;  // name -> full target name
};

// The refs that a sandbox may see: all but those of one worktree alone
// (refs/bisect, refs/worktree, refs/rewritten), the stash, and ours. From files
// without a process, unless the repository stores its refs as reftable.
absl::StatusOr<HostRefs> ReadHostRefs(CommandRunner& runner,
                                      const std::filesystem::path& common_dir,
                                      std::stop_token stop);

// gitformat: packed-refs as git 2.39's refs/packed-backend.c writes it.
std::string FormatPackedRefs(const HostRefs& refs);

}  // namespace workmux::daemon
