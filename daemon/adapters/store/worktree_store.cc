// The worktrees' and the journal's part of the store.

#include "common/base/status.h"
#include "common/base/strings.h"
#include "daemon/adapters/store/sqlite_store.h"

namespace workmux::daemon {
namespace {

std::string Text(const Row& row, std::size_t column) {
  return row.at(column).value_or(std::string());
}

std::int64_t Number(const Row& row, std::size_t column) {
  long long value = 0;
  ParseInt(Text(row, column), value);
  return value;
}

// Columns branch, base, token, created from `first` on.
WorktreeRecord RecordFrom(const Row& row, std::size_t first) {
  return {.branch = Text(row, first),
          .base = Text(row, first + 1),
          .token = Text(row, first + 2),
          .created_unix = Number(row, first + 3)};
}

}  // namespace

absl::Status SqliteStore::Put(const std::filesystem::path& common_dir,
                              const std::filesystem::path& path, const WorktreeRecord& record) {
  return Run(Durability::kProcess, "INSERT OR REPLACE INTO worktrees VALUES (?,?,?,?,?,?)",
             {common_dir.string(), path.string(), record.branch, record.base, record.token,
              std::to_string(record.created_unix)})
      .status();
}

absl::StatusOr<std::optional<WorktreeRecord>> SqliteStore::Get(
    const std::filesystem::path& common_dir, const std::filesystem::path& path) {
  WM_ASSIGN_OR_RETURN(
      const std::vector<Row> rows,
      Run(Durability::kProcess,
          "SELECT branch, base, token, created FROM worktrees WHERE common_dir=? AND path=?",
          {common_dir.string(), path.string()}));
  if (rows.empty()) return std::nullopt;
  return RecordFrom(rows.front(), 0);
}

absl::StatusOr<std::map<std::filesystem::path, WorktreeRecord>> SqliteStore::List(
    const std::filesystem::path& common_dir) {
  WM_ASSIGN_OR_RETURN(
      const std::vector<Row> rows,
      Run(Durability::kProcess,
          "SELECT path, branch, base, token, created FROM worktrees WHERE common_dir=?",
          {common_dir.string()}));
  std::map<std::filesystem::path, WorktreeRecord> records;
  for (const Row& row : rows) records.emplace(Text(row, 0), RecordFrom(row, 1));
  return records;
}

absl::StatusOr<std::set<std::filesystem::path>> SqliteStore::Repositories() {
  WM_ASSIGN_OR_RETURN(const std::vector<Row> rows,
                      Run(Durability::kProcess, "SELECT DISTINCT common_dir FROM worktrees"));
  std::set<std::filesystem::path> repositories;
  for (const Row& row : rows) repositories.emplace(Text(row, 0));
  return repositories;
}

absl::Status SqliteStore::Erase(const std::filesystem::path& common_dir,
                                const std::filesystem::path& path) {
  return Run(Durability::kProcess, "DELETE FROM worktrees WHERE common_dir=? AND path=?",
             {common_dir.string(), path.string()})
      .status();
}

// The journal survives a crash of the daemon, which is what it is for. After a
// power cut the worktrees it speaks of may be as old as it is.
absl::StatusOr<std::int64_t> SqliteStore::Begin(std::string_view kind, std::string_view payload) {
  WM_ASSIGN_OR_RETURN(
      const std::vector<Row> rows,
      Run(Durability::kProcess, "INSERT INTO operations (kind, payload) VALUES (?,?) RETURNING id",
          {std::string(kind), std::string(payload)}));
  if (rows.empty()) return Internal("the journal gave no number");
  return Number(rows.front(), 0);
}

absl::Status SqliteStore::Note(std::int64_t id, std::string_view step) {
  return Run(Durability::kProcess, "INSERT INTO operation_steps VALUES (CAST(? AS INTEGER),?)",
             {std::to_string(id), std::string(step)})
      .status();
}

absl::Status SqliteStore::End(std::int64_t id) {
  return Run(Durability::kProcess, "DELETE FROM operations WHERE id=CAST(? AS INTEGER)",
             {std::to_string(id)})
      .status();
}

absl::StatusOr<std::vector<OperationJournal::Entry>> SqliteStore::Unfinished() {
  WM_ASSIGN_OR_RETURN(
      const std::vector<Row> rows,
      Run(Durability::kProcess, "SELECT id, kind, payload FROM operations ORDER BY id"));
  std::vector<Entry> entries;
  for (const Row& row : rows) {
    Entry entry{.id = Number(row, 0), .kind = Text(row, 1), .payload = Text(row, 2), .steps = {}};
    WM_ASSIGN_OR_RETURN(
        const std::vector<Row> steps,
        Run(Durability::kProcess,
            "SELECT step FROM operation_steps WHERE operation=CAST(? AS INTEGER) ORDER BY rowid",
            {Text(row, 0)}));
    for (const Row& step : steps) entry.steps.push_back(Text(step, 0));
    entries.push_back(std::move(entry));
  }
  return entries;
}

}  // namespace workmux::daemon
