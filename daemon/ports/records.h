#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/domain/session_record.h"

namespace workmux::daemon {

// Storage that survives the daemon. All thread-safe; a Put is durable against a
// crash of the process when it returns.

class SessionRecords {
 public:
  virtual ~SessionRecords() = default;
  virtual absl::Status PutSession(const SessionRecord& record) = 0;
  virtual absl::Status EraseSession(std::string_view id) = 0;
  virtual absl::StatusOr<std::vector<SessionRecord>> LoadSessions() = 0;
};

class AgentRecords {
 public:
  virtual ~AgentRecords() = default;
  virtual absl::Status PutAgent(const AgentRecord& record) = 0;
  virtual absl::Status EraseAgent(const PaneRef& pane) = 0;
  virtual absl::StatusOr<std::vector<AgentRecord>> LoadAgents() = 0;
};

// Which project configurations a person has approved, by content, and which
// repositories a sandbox could have written to.
class TrustRecords {
 public:
  virtual ~TrustRecords() = default;
  virtual absl::StatusOr<bool> WasSandboxed(const std::filesystem::path& common_dir) = 0;
  virtual absl::Status MarkSandboxed(const std::filesystem::path& common_dir) = 0;
  virtual absl::StatusOr<std::set<std::string>> ApprovedHashes(
      const std::filesystem::path& common_dir) = 0;
  virtual absl::Status ApproveHash(const std::filesystem::path& common_dir,
                                   std::string_view sha256) = 0;
};

// What a registry last said about an image that is on this machine.
struct ImageRecord {
  std::string engine;
  std::string image;
  std::string image_id;      // the verdict is about this one only
  std::int64_t checked = 0;  // Unix time, seconds
  bool stale = false;
};

class ImageRecords {
 public:
  virtual ~ImageRecords() = default;
  virtual absl::Status PutImage(const ImageRecord& record) = 0;
  virtual absl::StatusOr<std::optional<ImageRecord>> GetImage(std::string_view engine,
                                                              std::string_view image) = 0;
};

}  // namespace workmux::daemon
