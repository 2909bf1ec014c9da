#pragma once

#include <memory>

#include <absl/status/statusor.h>

#include "common/os/paths.h"
#include "common/process/command.h"

namespace workmux::daemon {

// The composition root: builds everything, starts it, and stops it in reverse.
// It decides nothing itself.
class Daemon {
 public:
  struct Options {
    Paths paths;
    Env env;  // of the process
    std::filesystem::path guest_dir;
    bool log_to_stderr = false;
  };

  // kAborted when another daemon runs for this state directory or socket.
  static absl::StatusOr<std::unique_ptr<Daemon>> Start(Options options);
  ~Daemon();

  // Takes up sandbox.network in sandboxes that run; what came of it is in the log.
  void Reload();
  // Calls in flight get 5 s; sandboxes live on.
  void Stop();

 private:
  struct Parts;
  explicit Daemon(std::unique_ptr<Parts> parts);
  absl::Status Begin();
  std::unique_ptr<Parts> parts_;
};

}  // namespace workmux::daemon
