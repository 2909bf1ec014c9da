#pragma once

#include <absl/status/status.h>

#include <cstdint>
#include <filesystem>
#include <set>
#include <utility>

#include "common/base/mutex.h"
#include "daemon/domain/types.h"

namespace workmux::daemon {

// What one sandbox can write of a repository's worktrees.
struct SandboxArea {
  Worktree worktree;
  bool own_git = true;               // not the host's git directory
  bool main_writable = true;         // the main worktree, beside `worktree`
  std::filesystem::path sealed_dir;  // read-only inside but for `worktree`; empty: none

  // `path` is a worktree that the sandbox can write, or lies in one.
  bool Contains(const std::filesystem::path& path) const;
  // The sandbox could write the pointer file of a worktree made at `path` now.
  bool Exposes(const std::filesystem::path& path) const;
};

// Worktrees that are being made or removed: over these no sandbox is opened. One
// that plans a sandbox says so and looks here then; one that claims a worktree
// looks for sandboxes after it, so that one of the two always sees the other.
// Thread-safe.
class WorktreeClaims {
 public:
  class Claim {
   public:
    Claim(WorktreeClaims* claims, std::filesystem::path path)
        : claims_(claims), path_(std::move(path)) {}
    Claim(Claim&& other) noexcept
        : claims_(std::exchange(other.claims_, nullptr)), path_(std::move(other.path_)) {}
    Claim& operator=(Claim&&) = delete;
    ~Claim();

   private:
    WorktreeClaims* claims_;
    std::filesystem::path path_;
  };

  Claim Take(const std::filesystem::path& worktree);
  // Grows when a claim is taken and when it is given back: what was read of the
  // worktrees before may be wrong after.
  std::uint64_t version() const;
  // kAborted (WORKTREE_BUSY) when a claimed worktree is the sandbox's own, or one
  // that the sandbox would expose.
  absl::Status CheckFree(const SandboxArea& area) const;

 private:
  mutable Mutex mu_;
  std::multiset<std::filesystem::path> claimed_ WM_GUARDED_BY(mu_);
  std::uint64_t version_ WM_GUARDED_BY(mu_) = 0;
};

}  // namespace workmux::daemon
