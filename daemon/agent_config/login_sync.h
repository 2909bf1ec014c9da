#pragma once

#include <filesystem>
#include <functional>
#include <set>
#include <span>
#include <string>

#include "daemon/agent_config/agent_copy.h"

namespace workmux::daemon {

// Keeps the logins of copies in step with the host's, whose directory is one and the
// same. Of two that changed the later one counts, and between a copy and the host
// the host's when their times are equal. What a sandbox deletes stays with the host.
// Nothing that is invalid goes anywhere; it is said in the log once. Blocking; one
// caller at a time.
class LoginSync {
 public:
  // `on_taken` hears of each file that went from a copy to the host.
  using OnTaken = std::function<void(const AgentCopy& from, const LoginFile& file)>;
  explicit LoginSync(OnTaken on_taken) : on_taken_(std::move(on_taken)) {}

  void Pass(std::span<const AgentCopy> copies);
  // Before a start: the copy gets what the host has now, also where the guest
  // deleted or broke it, and also the lack of a login. Costs two stat(2) for a file
  // that has not changed.
  absl::Status Refresh(const AgentCopy& copy);

 private:
  struct Host;
  struct Side;
  void PassFile(const LoginFile& file, std::span<const AgentCopy> copies);
  absl::Status RefreshFile(const LoginFile& file, const AgentCopy& copy, CopyRecords& records);
  absl::Status TakeAsItIs(const LoginFile& file, const AgentCopy& copy, CopyRecords& records);
  absl::StatusOr<Host> ReadHost(const std::filesystem::path& dir, const LoginFile& file);
  absl::StatusOr<Side> ReadCopy(const AgentCopy& copy, const LoginFile& file);
  absl::Status WriteHost(const std::filesystem::path& dir, const LoginFile& file, Host& host,
                         const Side& from);
  absl::Status WriteCopy(const LoginFile& file, const Host& host, Side& side);
  void Complain(const std::filesystem::path& path, const absl::Status& why);

  const OnTaken on_taken_;
  std::set<std::filesystem::path> complained_;  // of these files, since they were last good
};

}  // namespace workmux::daemon
