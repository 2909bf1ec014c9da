#include "daemon/adapters/store/sqlite_store.h"

#include "common/base/status.h"
#include "common/base/strings.h"
#include "daemon/adapters/store/schema.h"
#include "daemon/domain/network_plan.h"

namespace workmux::daemon {
namespace {

// Reads the columns of a row in order; a NULL reads as empty.
class RowReader {
 public:
  explicit RowReader(const Row& row) : row_(row) {}
  std::string Text() {
    const auto& value = row_.at(next_++);
    return value ? *value : std::string();
  }
  std::int64_t Number() {
    long long value = 0;
    ParseInt(Text(), value);
    return value;
  }

 private:
  const Row& row_;
  std::size_t next_ = 0;
};

constexpr std::string_view StatusName(AgentStatus status) {
  switch (status) {
    case AgentStatus::kWorking:
      return "working";
    case AgentStatus::kWaiting:
      return "waiting";
    case AgentStatus::kDone:
      return "done";
    case AgentStatus::kNone:
      break;
  }
  return "none";
}

AgentStatus StatusFromName(std::string_view name) {
  for (const AgentStatus status :
       {AgentStatus::kWorking, AgentStatus::kWaiting, AgentStatus::kDone}) {
    if (StatusName(status) == name) return status;
  }
  return AgentStatus::kNone;
}

absl::StatusOr<SessionRecord> SessionFrom(const Row& row) {
  RowReader read(row);
  SessionRecord record;
  record.id = read.Text();
  record.sandbox = read.Text();
  record.backend = read.Text();
  record.worktree.repository.common_dir = read.Text();
  record.worktree.repository.main_worktree = read.Text();
  record.worktree.path = read.Text();
  record.worktree.git_dir = read.Text();
  record.worktree.branch = read.Text();
  record.worktree.is_main = read.Text() == "1";
  record.git = read.Text();
  record.cwd = read.Text();
  record.agent = read.Text();
  record.token = Secret(read.Text());
  record.bridge_address = read.Text();
  record.bridge_port = static_cast<std::uint16_t>(read.Number());
  record.bridge_dir = read.Text();
  record.client.pid = static_cast<pid_t>(read.Number());
  record.client.start_time = read.Text();
  record.client.boot_id = read.Text();
  PaneRef pane;
  pane.tmux_socket = read.Text();
  pane.server_start = read.Text();
  pane.pane_id = read.Text();
  if (!pane.pane_id.empty()) record.pane = pane;
  record.started = read.Number();
  record.icons.working = read.Text();
  record.icons.waiting = read.Text();
  record.icons.done = read.Text();
  record.icons.edit_format = read.Text() == "1";
  record.sealed_dir = read.Text();
  record.main_writable = read.Text() == "1";
  WM_ASSIGN_OR_RETURN(record.masks, MasksFromText(read.Text()));
  record.proxy_token = Secret(read.Text());
  record.proxy_address = read.Text();
  record.proxy_port = static_cast<std::uint16_t>(read.Number());
  WM_ASSIGN_OR_RETURN(record.network_policy, PolicyFromText(read.Text()));
  WM_ASSIGN_OR_RETURN(record.host_ports, egress::HostPortsFromText(read.Text()));
  record.agent_profile = read.Text();
  WM_ASSIGN_OR_RETURN(record.credentials, CredentialsFromText(read.Text()));
  record.authority = Secret(read.Text());
  return record;
}

AgentRecord AgentFrom(const Row& row) {
  RowReader read(row);
  AgentRecord record;
  record.pane.tmux_socket = read.Text();
  record.pane.server_start = read.Text();
  record.pane.pane_id = read.Text();
  record.status = StatusFromName(read.Text());
  record.status_since = read.Number();
  record.updated = read.Number();
  record.title = read.Text();
  record.workdir = read.Text();
  record.worktree = read.Text();
  record.repository = read.Text();
  record.branch = read.Text();
  record.agent_kind = read.Text();
  record.session_id = read.Text();
  return record;
}

}  // namespace

absl::StatusOr<std::unique_ptr<SqliteStore>> SqliteStore::Open(const std::filesystem::path& file) {
  WM_ASSIGN_OR_RETURN(std::unique_ptr<Database> database, Database::Open(file, SchemaMigrations()));
  return std::unique_ptr<SqliteStore>(new SqliteStore(std::move(database)));
}

absl::StatusOr<std::vector<Row>> SqliteStore::Run(Durability durability, std::string_view sql,
                                                  const std::vector<std::string>& values) {
  MutexLock lock(mu_);
  WM_RETURN_IF_ERROR(database_->SetDurable(durability == Durability::kPower));
  return database_->Query(sql, values);
}

absl::Status SqliteStore::PutSession(const SessionRecord& record) {
  const PaneRef pane = record.pane.value_or(PaneRef{});
  return Run(Durability::kPower,
             "INSERT OR REPLACE INTO sessions VALUES "
             "(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
             {record.id,
              record.sandbox,
              record.backend,
              record.worktree.repository.common_dir.string(),
              record.worktree.repository.main_worktree.string(),
              record.worktree.path.string(),
              record.worktree.git_dir.string(),
              record.worktree.branch,
              record.worktree.is_main ? "1" : "0",
              record.git,
              record.cwd.string(),
              record.agent,
              record.token.Reveal(),
              record.bridge_address,
              std::to_string(record.bridge_port),
              record.bridge_dir.string(),
              std::to_string(record.client.pid),
              record.client.start_time,
              record.client.boot_id,
              pane.tmux_socket,
              pane.server_start,
              pane.pane_id,
              std::to_string(record.started),
              record.icons.working,
              record.icons.waiting,
              record.icons.done,
              record.icons.edit_format ? "1" : "0",
              record.sealed_dir.string(),
              record.main_writable ? "1" : "0",
              MasksToText(record.masks),
              record.proxy_token.Reveal(),
              record.proxy_address,
              std::to_string(record.proxy_port),
              PolicyToText(record.network_policy),
              egress::HostPortsToText(record.host_ports),
              record.agent_profile,
              CredentialsToText(record.credentials),
              record.authority.Reveal()})
      .status();
}

absl::Status SqliteStore::EraseSession(std::string_view id) {
  return Run(Durability::kPower, "DELETE FROM sessions WHERE id=?", {std::string(id)}).status();
}

absl::StatusOr<std::vector<SessionRecord>> SqliteStore::LoadSessions() {
  WM_ASSIGN_OR_RETURN(const std::vector<Row> rows,
                      Run(Durability::kPower, "SELECT * FROM sessions"));
  std::vector<SessionRecord> records;
  for (const Row& row : rows) {
    WM_ASSIGN_OR_RETURN(SessionRecord record, SessionFrom(row));
    records.push_back(std::move(record));
  }
  return records;
}

absl::Status SqliteStore::PutAgent(const AgentRecord& record) {
  return Run(Durability::kProcess,
             "INSERT OR REPLACE INTO agents VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)",
             {record.pane.tmux_socket, record.pane.server_start, record.pane.pane_id,
              std::string(StatusName(record.status)), std::to_string(record.status_since),
              std::to_string(record.updated), record.title, record.workdir.string(),
              record.worktree.string(), record.repository.string(), record.branch,
              record.agent_kind, record.session_id})
      .status();
}

absl::Status SqliteStore::EraseAgent(const PaneRef& pane) {
  return Run(Durability::kProcess,
             "DELETE FROM agents WHERE tmux_socket=? AND server_start=? AND pane_id=?",
             {pane.tmux_socket, pane.server_start, pane.pane_id})
      .status();
}

absl::StatusOr<std::vector<AgentRecord>> SqliteStore::LoadAgents() {
  WM_ASSIGN_OR_RETURN(const std::vector<Row> rows,
                      Run(Durability::kProcess, "SELECT * FROM agents"));
  std::vector<AgentRecord> records;
  for (const Row& row : rows) records.push_back(AgentFrom(row));
  return records;
}

absl::StatusOr<bool> SqliteStore::WasSandboxed(const std::filesystem::path& common_dir) {
  WM_ASSIGN_OR_RETURN(
      const std::vector<Row> rows,
      Run(Durability::kPower, "SELECT 1 FROM sandboxed_repositories WHERE common_dir=?",
          {common_dir.string()}));
  return !rows.empty();
}

absl::Status SqliteStore::MarkSandboxed(const std::filesystem::path& common_dir) {
  return Run(Durability::kPower, "INSERT OR IGNORE INTO sandboxed_repositories VALUES (?)",
             {common_dir.string()})
      .status();
}

absl::StatusOr<std::set<std::string>> SqliteStore::ApprovedHashes(
    const std::filesystem::path& common_dir) {
  WM_ASSIGN_OR_RETURN(
      const std::vector<Row> rows,
      Run(Durability::kPower, "SELECT sha256 FROM approved_configs WHERE common_dir=?",
          {common_dir.string()}));
  std::set<std::string> hashes;
  for (const Row& row : rows) hashes.insert(RowReader(row).Text());
  return hashes;
}

absl::Status SqliteStore::ApproveHash(const std::filesystem::path& common_dir,
                                      std::string_view sha256) {
  return Run(Durability::kPower, "INSERT OR IGNORE INTO approved_configs VALUES (?,?)",
             {common_dir.string(), std::string(sha256)})
      .status();
}

absl::Status SqliteStore::PutImage(const ImageRecord& record) {
  return Run(Durability::kProcess, "INSERT OR REPLACE INTO images VALUES (?,?,?,?,?)",
             {record.engine, record.image, record.image_id, std::to_string(record.checked),
              record.stale ? "1" : "0"})
      .status();
}

absl::StatusOr<std::optional<ImageRecord>> SqliteStore::GetImage(std::string_view engine,
                                                                 std::string_view image) {
  WM_ASSIGN_OR_RETURN(
      const std::vector<Row> rows,
      Run(Durability::kProcess,
          "SELECT engine, image, image_id, checked, stale FROM images WHERE engine=? AND image=?",
          {std::string(engine), std::string(image)}));
  if (rows.empty()) return std::nullopt;
  RowReader read(rows.front());
  ImageRecord record;
  record.engine = read.Text();
  record.image = read.Text();
  record.image_id = read.Text();
  record.checked = read.Number();
  record.stale = read.Text() == "1";
  return record;
}

}  // namespace workmux::daemon
