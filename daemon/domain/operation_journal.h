#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace workmux::daemon {

// What is under way, on stable storage: after a crash WorktreeManager::Recover
// undoes or finishes what stands here. Thread-safe. Begin and Note return once
// the entry would survive a crash of the daemon.
class OperationJournal {
 public:
  struct Entry {
    std::int64_t id = 0;
    std::string kind;
    std::string payload;  // bytes, written by the operation's own code
    std::vector<std::string> steps;
  };

  virtual ~OperationJournal() = default;
  virtual absl::StatusOr<std::int64_t> Begin(std::string_view kind, std::string_view payload) = 0;
  virtual absl::Status Note(std::int64_t id, std::string_view step) = 0;
  // Forgets the entry; an unknown id is not an error.
  virtual absl::Status End(std::int64_t id) = 0;
  // Oldest first.
  virtual absl::StatusOr<std::vector<Entry>> Unfinished() = 0;
};

}  // namespace workmux::daemon
