#pragma once

#include <filesystem>
#include <memory>

#include "common/base/mutex.h"
#include "daemon/adapters/store/database.h"
#include "daemon/domain/operation_journal.h"
#include "daemon/domain/worktree_records.h"
#include "daemon/ports/network_records.h"
#include "daemon/ports/records.h"
#include "daemon/ports/verification_records.h"

namespace workmux::daemon {

// All records in one SQLite file. The schema is in schema.h; every column is
// text, so the file can be read with any SQLite tool. Thread-safe.
class SqliteStore : public SessionRecords,
                    public AgentRecords,
                    public TrustRecords,
                    public ImageRecords,
                    public WorktreeRecords,
                    public OperationJournal,
                    public VerificationRecords,
                    public NetworkRecords {
 public:
  static absl::StatusOr<std::unique_ptr<SqliteStore>> Open(const std::filesystem::path& file);

  absl::Status PutSession(const SessionRecord& record) override;
  absl::Status EraseSession(std::string_view id) override;
  absl::StatusOr<std::vector<SessionRecord>> LoadSessions() override;

  absl::Status PutAgent(const AgentRecord& record) override;
  absl::Status EraseAgent(const PaneRef& pane) override;
  absl::StatusOr<std::vector<AgentRecord>> LoadAgents() override;

  absl::StatusOr<bool> WasSandboxed(const std::filesystem::path& common_dir) override;
  absl::Status MarkSandboxed(const std::filesystem::path& common_dir) override;
  absl::StatusOr<std::set<std::string>> ApprovedHashes(
      const std::filesystem::path& common_dir) override;
  absl::Status ApproveHash(const std::filesystem::path& common_dir,
                           std::string_view sha256) override;

  absl::Status PutImage(const ImageRecord& record) override;
  absl::StatusOr<std::optional<ImageRecord>> GetImage(std::string_view engine,
                                                      std::string_view image) override;

  absl::Status Put(const std::filesystem::path& common_dir, const std::filesystem::path& path,
                   const WorktreeRecord& record) override;
  absl::StatusOr<std::optional<WorktreeRecord>> Get(const std::filesystem::path& common_dir,
                                                    const std::filesystem::path& path) override;
  absl::StatusOr<std::map<std::filesystem::path, WorktreeRecord>> List(
      const std::filesystem::path& common_dir) override;
  absl::StatusOr<std::set<std::filesystem::path>> Repositories() override;
  absl::Status Erase(const std::filesystem::path& common_dir,
                     const std::filesystem::path& path) override;

  absl::StatusOr<std::int64_t> Begin(std::string_view kind, std::string_view payload) override;
  absl::Status Note(std::int64_t id, std::string_view step) override;
  absl::Status End(std::int64_t id) override;
  absl::StatusOr<std::vector<Entry>> Unfinished() override;

  absl::Status PutMeant(const Meant& meant) override;
  absl::StatusOr<std::optional<Meant>> GetMeant(std::string_view session_id) override;
  absl::Status ClearCombination(std::string_view session_id) override;
  absl::Status EraseMeant(std::string_view session_id) override;
  absl::StatusOr<bool> IsVerified(std::string_view combination) override;
  absl::Status PutVerified(std::string_view combination) override;

  absl::Status AppendEvents(std::span<const NetworkEvent> events) override;
  absl::StatusOr<std::vector<NetworkEvent>> Events(const EventQuery& query) override;
  absl::Status PutAllowance(const NetworkAllowance& allowance) override;
  absl::Status EraseAllowance(const NetworkAllowance& allowance) override;
  absl::StatusOr<std::vector<NetworkAllowance>> LoadAllowances() override;

 private:
  explicit SqliteStore(std::unique_ptr<Database> database) : database_(std::move(database)) {}

  // Statuses change at every tool use of every agent: they do not wait for the
  // disk. Everything else does.
  enum class Durability { kProcess, kPower };
  absl::StatusOr<std::vector<Row>> Run(Durability durability, std::string_view sql,
                                       const std::vector<std::string>& values = {});
  absl::Status InsertEvents(std::span<const NetworkEvent> events) WM_REQUIRES(mu_);

  Mutex mu_;
  const std::unique_ptr<Database> database_ WM_GUARDED_BY(mu_);
};

}  // namespace workmux::daemon
