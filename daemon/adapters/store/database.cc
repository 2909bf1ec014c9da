#include "daemon/adapters/store/database.h"

#include <sqlite3.h>
#include <sys/stat.h>

#include <algorithm>

#include "common/base/status.h"
#include "common/base/strings.h"

namespace workmux::daemon {
namespace {

constexpr int kBusyTimeoutMs = 5000;

}  // namespace

void Database::CloseDatabase::operator()(sqlite3* db) const { ::sqlite3_close_v2(db); }
void Database::FinalizeStatement::operator()(sqlite3_stmt* statement) const {
  ::sqlite3_finalize(statement);
}

Database::Database(std::unique_ptr<sqlite3, CloseDatabase> db) : db_(std::move(db)) {}
Database::~Database() = default;

absl::Status Database::Error(std::string_view what) const {
  const int code = ::sqlite3_extended_errcode(db_.get());
  const std::string message = Format("{}: {}", what, std::string_view(::sqlite3_errmsg(db_.get())));
  switch (code & 0xFF) {
    case SQLITE_FULL:
    case SQLITE_IOERR:
      return ResourceExhausted("{}", message);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return WithReason(DataLoss("{}", message), "STATE_UNREADABLE");
    case SQLITE_CONSTRAINT:
      return AlreadyExists("{}", message);
    default:
      return Internal("{}", message);
  }
}

absl::StatusOr<std::unique_ptr<Database>> Database::Open(
    const std::filesystem::path& file, const std::vector<std::string>& migrations) {
  // The file and its -wal and -shm take their mode from the process's umask.
  const mode_t mask = ::umask(0077);
  sqlite3* raw = nullptr;
  const int code =
      ::sqlite3_open_v2(file.c_str(), &raw,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr);
  std::unique_ptr<sqlite3, CloseDatabase> owned(raw);
  std::unique_ptr<Database> database(new Database(std::move(owned)));
  absl::Status status;
  if (code != SQLITE_OK) {
    status = database->Error("open");
  } else {
    ::sqlite3_busy_timeout(raw, kBusyTimeoutMs);
    status = database->Query("PRAGMA journal_mode=WAL").status();
    if (status.ok()) status = database->Execute("PRAGMA synchronous=FULL");
    if (status.ok()) status = database->Execute("PRAGMA foreign_keys=ON");
    if (status.ok()) status = database->Migrate(migrations);
  }
  ::umask(mask);
  if (!status.ok()) {
    return WithHint(Annotate(status, file.string()),
                    "move the file away to start without the old state");
  }
  return database;
}

absl::Status Database::Migrate(const std::vector<std::string>& migrations) {
  WM_ASSIGN_OR_RETURN(const std::vector<Row> rows, Query("PRAGMA user_version"));
  long long version = 0;
  if (rows.empty() || !rows[0][0] || !ParseInt(*rows[0][0], version))
    return DataLoss("no schema version");
  const auto known = static_cast<long long>(migrations.size());
  if (version > known) {
    return WithReason(
        DataLoss("written by a newer workmuxd (schema {}, this one knows {})", version, known),
        "STATE_TOO_NEW");
  }
  for (long long next = version; next < known; ++next) {
    const std::string script = Format("BEGIN IMMEDIATE; {}; PRAGMA user_version={}; COMMIT;",
                                      migrations[static_cast<std::size_t>(next)], next + 1);
    if (::sqlite3_exec(db_.get(), script.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) {
      absl::Status failed = Error("migration");
      ::sqlite3_exec(db_.get(), "ROLLBACK", nullptr, nullptr, nullptr);
      return failed;
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<sqlite3_stmt*> Database::Prepare(std::string_view sql,
                                                const std::vector<std::string>& values) {
  auto found = std::find_if(prepared_.begin(), prepared_.end(),
                            [&](const Prepared& p) { return p.sql == sql; });
  if (found == prepared_.end()) {
    sqlite3_stmt* raw = nullptr;
    if (::sqlite3_prepare_v2(db_.get(), sql.data(), static_cast<int>(sql.size()), &raw, nullptr) !=
        SQLITE_OK) {
      return Error("prepare");
    }
    prepared_.push_back({.sql = std::string(sql),
                         .statement = std::unique_ptr<sqlite3_stmt, FinalizeStatement>(raw)});
    found = std::prev(prepared_.end());
  }
  sqlite3_stmt* statement = found->statement.get();
  ::sqlite3_reset(statement);
  ::sqlite3_clear_bindings(statement);
  int position = 0;
  for (const std::string& value : values) {
    // The caller's strings outlive the step, so SQLite need not copy them.
    if (::sqlite3_bind_text(statement, ++position, value.data(), static_cast<int>(value.size()),
                            SQLITE_STATIC) != SQLITE_OK) {
      return Error("bind");
    }
  }
  return statement;
}

absl::Status Database::Execute(std::string_view sql, const std::vector<std::string>& values) {
  return Query(sql, values).status();
}

absl::StatusOr<std::vector<Row>> Database::Query(std::string_view sql,
                                                 const std::vector<std::string>& values) {
  WM_ASSIGN_OR_RETURN(sqlite3_stmt * statement, Prepare(sql, values));
  std::vector<Row> rows;
  int code = SQLITE_ROW;
  while ((code = ::sqlite3_step(statement)) == SQLITE_ROW) {
    Row row;
    const int columns = ::sqlite3_column_count(statement);
    for (int i = 0; i < columns; ++i) {
      const unsigned char* text = ::sqlite3_column_text(statement, i);
      if (text == nullptr) {
        row.emplace_back(std::nullopt);
      } else {
        const auto size = static_cast<std::size_t>(::sqlite3_column_bytes(statement, i));
        row.emplace_back(std::string(reinterpret_cast<const char*>(text), size));
      }
    }
    rows.push_back(std::move(row));
  }
  absl::Status status = code == SQLITE_DONE ? absl::OkStatus() : Error("step");
  ::sqlite3_reset(statement);
  if (!status.ok()) return status;
  return rows;
}

absl::Status Database::SetDurable(bool durable) {
  if (durable == durable_) return absl::OkStatus();
  WM_RETURN_IF_ERROR(Execute(durable ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL"));
  durable_ = durable;
  return absl::OkStatus();
}

}  // namespace workmux::daemon
