#pragma once

#include <absl/status/statusor.h>
#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace workmux::daemon {

// Which containers may still come to life, for an engine whose client makes and starts
// one in a single run that nobody can call back. podman-run(1), --cidfile: the client
// writes the container's id after it has made the container and before it starts it,
// and fails where it cannot. So each container has a directory for its id: while it is
// there the container may start, and once it is gone either a container is there to be
// removed by its name, or none will ever run. A directory of the daemon's own, which no
// sandbox sees; survives the daemon. Thread-safe.
class StartGate {
 public:
  explicit StartGate(std::filesystem::path directory) : directory_(std::move(directory)) {}

  // What the client is told to write (podman-run(1): --cidfile, --pidfile).
  struct Files {
    std::filesystem::path id;
    std::filesystem::path pid;
  };
  // Lets the container start from now on. kAlreadyExists when it may already.
  absl::StatusOr<Files> Open(std::string_view name) const;
  // From now on it does not start, unless it has passed before. Idempotent.
  absl::Status Shut(std::string_view name) const;

  // Whether it may start and has not been made yet. A shut gate is not waiting.
  bool IsWaiting(std::string_view name) const;

  // The first process of a container that has started.
  struct FirstProcess {
    std::string container;  // the engine's id of it
    pid_t pid = 0;
  };
  std::optional<FirstProcess> Find(std::string_view name) const;

 private:
  const std::filesystem::path directory_;
};

}  // namespace workmux::daemon
