#pragma once

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "daemon/ports/records.h"

namespace workmux::test {

// In memory; they outlive what a test calls a daemon. A failure that is set is
// the answer of the next write.

class FakeSessionRecords : public daemon::SessionRecords {
 public:
  absl::Status PutSession(const daemon::SessionRecord& record) override {
    if (!put_failure.ok()) return std::exchange(put_failure, absl::OkStatus());
    sessions[record.id] = record;
    return absl::OkStatus();
  }
  absl::Status EraseSession(std::string_view id) override {
    sessions.erase(std::string(id));
    return absl::OkStatus();
  }
  absl::StatusOr<std::vector<daemon::SessionRecord>> LoadSessions() override {
    std::vector<daemon::SessionRecord> all;
    for (const auto& [id, record] : sessions) all.push_back(record);
    return all;
  }

  std::map<std::string, daemon::SessionRecord> sessions;
  absl::Status put_failure;
};

class FakeAgentRecords : public daemon::AgentRecords {
 public:
  absl::Status PutAgent(const daemon::AgentRecord& record) override {
    if (!put_failure.ok()) return std::exchange(put_failure, absl::OkStatus());
    agents[{record.pane.tmux_socket, record.pane.pane_id}] = record;
    return absl::OkStatus();
  }
  absl::Status EraseAgent(const daemon::PaneRef& pane) override {
    agents.erase({pane.tmux_socket, pane.pane_id});
    return absl::OkStatus();
  }
  absl::StatusOr<std::vector<daemon::AgentRecord>> LoadAgents() override {
    std::vector<daemon::AgentRecord> all;
    for (const auto& [pane, record] : agents) all.push_back(record);
    return all;
  }

  std::map<std::pair<std::string, std::string>, daemon::AgentRecord> agents;  // by socket and pane
  absl::Status put_failure;
};

class FakeTrustRecords : public daemon::TrustRecords {
 public:
  absl::StatusOr<bool> WasSandboxed(const std::filesystem::path& common_dir) override {
    if (!failure.ok()) return failure;
    return sandboxed.contains(common_dir);
  }
  absl::Status MarkSandboxed(const std::filesystem::path& common_dir) override {
    sandboxed.insert(common_dir);
    return absl::OkStatus();
  }
  absl::StatusOr<std::set<std::string>> ApprovedHashes(
      const std::filesystem::path& common_dir) override {
    return approved[common_dir];
  }
  absl::Status ApproveHash(const std::filesystem::path& common_dir,
                           std::string_view sha256) override {
    if (!approve_failure.ok()) return std::exchange(approve_failure, absl::OkStatus());
    approved[common_dir].insert(std::string(sha256));
    return absl::OkStatus();
  }

  std::set<std::filesystem::path> sandboxed;
  std::map<std::filesystem::path, std::set<std::string>> approved;
  absl::Status failure;  // of every question
  absl::Status approve_failure;
};

}  // namespace workmux::test
