#pragma once

#include <absl/status/statusor.h>

#include <filesystem>

#include "common/base/unique_fd.h"
#include "common/os/paths.h"
#include "common/process/command.h"

namespace workmux::cli {

enum class StartPolicy {
  kNever,          // nobody listens: an error
  kUnlessStopped,  // started, unless the user has stopped it
  kIfNeeded,       // started; what the user stopped before counts as wanted again
};

// Finds the daemon, and starts one when nobody listens. Thread-safe: it has no
// state but the files.
class DaemonLauncher {
 public:
  DaemonLauncher(Paths paths, Env env) : paths_(std::move(paths)), env_(std::move(env)) {}

  // Blocks up to 5 s while a started daemon comes up. WORKMUX_NO_SPAWN=1 turns
  // every policy into kNever.
  absl::StatusOr<UniqueFd> Connect(StartPolicy policy) const;

  // "Stopped by the user": a file, so that clients which wait for a daemon do not
  // bring back what `daemon stop` ended.
  absl::Status MarkStopped() const;
  absl::Status ClearStopped() const;
  bool stopped() const;

  const Paths& paths() const { return paths_; }

 private:
  absl::StatusOr<UniqueFd> Launch() const;
  std::filesystem::path marker() const { return paths_.runtime / "stopped"; }

  Paths paths_;
  Env env_;
};

// What a daemon keeps of its starter's environment. Everything else reaches it
// with each request, so that no caller's secrets stay in a long-lived process.
Env DaemonEnv(const Env& env);

}  // namespace workmux::cli
