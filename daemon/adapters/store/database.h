#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/statusor.h>

struct sqlite3;
struct sqlite3_stmt;

namespace workmux::daemon {

// One row's columns as text; NULL is nullopt.
using Row = std::vector<std::optional<std::string>>;

// A SQLite connection in WAL mode. Not thread-safe: its owner locks. Every
// statement is prepared once and kept.
class Database {
 public:
  // Creates the file (0600) when absent and brings the schema to the version of
  // `migrations` (PRAGMA user_version counts those applied). A file that is no
  // database, or newer than we know, is kDataLoss: it is never overwritten.
  static absl::StatusOr<std::unique_ptr<Database>> Open(const std::filesystem::path& file,
                                                        const std::vector<std::string>& migrations);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  // Values are bound as text by position.
  absl::Status Execute(std::string_view sql, const std::vector<std::string>& values = {});
  absl::StatusOr<std::vector<Row>> Query(std::string_view sql,
                                         const std::vector<std::string>& values = {});

  // Whether a commit waits for the disk. Off, a crash of this process loses
  // nothing and a power cut at most the last commits; the file stays whole.
  absl::Status SetDurable(bool durable);

 private:
  struct CloseDatabase {
    void operator()(sqlite3* db) const;
  };
  struct FinalizeStatement {
    void operator()(sqlite3_stmt* statement) const;
  };
  struct Prepared {
    std::string sql;
    std::unique_ptr<sqlite3_stmt, FinalizeStatement> statement;
  };

  explicit Database(std::unique_ptr<sqlite3, CloseDatabase> db);
  absl::StatusOr<sqlite3_stmt*> Prepare(std::string_view sql,
                                        const std::vector<std::string>& values);
  absl::Status Error(std::string_view what) const;
  absl::Status Migrate(const std::vector<std::string>& migrations);

  std::unique_ptr<sqlite3, CloseDatabase> db_;
  std::vector<Prepared> prepared_;
  bool durable_ = true;
};

}  // namespace workmux::daemon
