#pragma once

#include <absl/status/statusor.h>

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "daemon/domain/sandbox_spec.h"

namespace workmux::daemon {

// Where the jail shows what a git command needs.
inline constexpr char kHostObjects[] = "/run/workmux/host-objects";
inline constexpr char kPrivateGit[] = "/run/workmux/private";
inline constexpr char kExportGit[] = "/run/workmux/export";

// Runs git over a directory that a guest has written. The wrapped program sees
// the mounts, the distribution's programs and libraries read-only, and nothing
// else: no network, no home, no process of the host. It keeps the environment
// it is started with and ends with its parent. Thread-safe.
class GitJail {
 public:
  virtual ~GitJail() = default;
  virtual std::vector<std::string> Wrap(std::span<const std::string> argv,
                                        std::span<const Mount> mounts) const = 0;
};

class BubblewrapJail : public GitJail {
 public:
  // kNotFound (BWRAP_MISSING) when bubblewrap is not installed.
  static absl::StatusOr<BubblewrapJail> Find();
  std::vector<std::string> Wrap(std::span<const std::string> argv,
                                std::span<const Mount> mounts) const override;

 private:
  explicit BubblewrapJail(std::filesystem::path program) : program_(std::move(program)) {}
  std::filesystem::path program_;
};

}  // namespace workmux::daemon
