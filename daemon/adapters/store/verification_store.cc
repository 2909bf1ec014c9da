// What sandboxes are meant to be, and which combinations have passed.

#include "common/base/status.h"
#include "daemon/adapters/store/sqlite_store.h"

namespace workmux::daemon {

// Neither waits for the disk: after a power cut no sandbox lives, and a
// combination is probed once more.
absl::Status SqliteStore::PutMeant(const Meant& meant) {
  return Run(Durability::kProcess, "INSERT OR REPLACE INTO meant_sandboxes VALUES (?,?,?)",
             {meant.session_id, meant.expectation, meant.combination})
      .status();
}

absl::StatusOr<std::optional<VerificationRecords::Meant>> SqliteStore::GetMeant(
    std::string_view session_id) {
  WM_ASSIGN_OR_RETURN(
      const std::vector<Row> rows,
      Run(Durability::kProcess,
          "SELECT session, expectation, combination FROM meant_sandboxes WHERE session=?",
          {std::string(session_id)}));
  if (rows.empty()) return std::nullopt;
  return Meant{rows[0].at(0).value_or(""), rows[0].at(1).value_or(""), rows[0].at(2).value_or("")};
}

absl::Status SqliteStore::ClearCombination(std::string_view session_id) {
  return Run(Durability::kProcess, "UPDATE meant_sandboxes SET combination='' WHERE session=?",
             {std::string(session_id)})
      .status();
}

absl::Status SqliteStore::EraseMeant(std::string_view session_id) {
  return Run(Durability::kProcess, "DELETE FROM meant_sandboxes WHERE session=?",
             {std::string(session_id)})
      .status();
}

absl::StatusOr<bool> SqliteStore::IsVerified(std::string_view combination) {
  WM_ASSIGN_OR_RETURN(
      const std::vector<Row> rows,
      Run(Durability::kProcess, "SELECT combination FROM verified_combinations WHERE combination=?",
          {std::string(combination)}));
  return !rows.empty();
}

absl::Status SqliteStore::PutVerified(std::string_view combination) {
  return Run(Durability::kProcess, "INSERT OR REPLACE INTO verified_combinations VALUES (?)",
             {std::string(combination)})
      .status();
}

}  // namespace workmux::daemon
