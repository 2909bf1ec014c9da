// What sandboxes reached for, and what people allowed them.

#include <algorithm>
#include <array>

#include "common/base/status.h"
#include "common/base/strings.h"
#include "daemon/adapters/store/sqlite_store.h"

namespace workmux::daemon {
namespace {

// One sandbox that knocks at every door does not push out what others did.
constexpr std::string_view kEventsEach = "2000";
constexpr std::string_view kEvents = "10000";

// In the order of NetworkEvent::Kind.
constexpr auto kKinds = std::to_array<std::string_view>({"allowed", "refused", "ended", "omitted"});

std::int64_t NumberIn(const Row& row, std::size_t column) {
  long long value = 0;
  ParseInt(row.at(column).value_or(""), value);
  return value;
}

NetworkEvent EventFrom(const Row& row) {
  const auto text = [&](std::size_t column) { return row.at(column).value_or(""); };
  const auto size = [&](std::size_t column) {
    return static_cast<std::uint64_t>(std::max<std::int64_t>(0, NumberIn(row, column)));
  };
  const auto kind = std::find(kKinds.begin(), kKinds.end(), text(4));
  NetworkEvent event;
  event.id = NumberIn(row, 0);
  event.milliseconds = NumberIn(row, 1);
  event.session = text(2);
  event.sandbox = text(3);
  event.kind = kind == kKinds.end() ? NetworkEvent::Kind::kOmitted
                                    : static_cast<NetworkEvent::Kind>(kind - kKinds.begin());
  event.host = text(5);
  event.service = text(6);
  event.rule = text(7);
  event.reason = text(8);
  event.detail = text(9);
  event.count = size(10);
  event.bytes_up = size(11);
  event.bytes_down = size(12);
  event.lasted = NumberIn(row, 13);
  return event;
}

}  // namespace

// Does not wait for the disk: a power cut may take the last ones.
absl::Status SqliteStore::AppendEvents(std::span<const NetworkEvent> events) {
  MutexLock lock(mu_);
  WM_RETURN_IF_ERROR(database_->SetDurable(false));
  WM_RETURN_IF_ERROR(database_->Execute("BEGIN IMMEDIATE"));
  absl::Status status = InsertEvents(events);
  if (status.ok()) status = database_->Execute("COMMIT");
  if (!status.ok()) database_->Execute("ROLLBACK").IgnoreError();
  return status;
}

absl::Status SqliteStore::InsertEvents(std::span<const NetworkEvent> events) {
  for (const NetworkEvent& event : events) {
    WM_RETURN_IF_ERROR(database_->Execute(
        "INSERT INTO network_events (time, session, sandbox, kind, host, service, rule, reason, "
        "detail, count, bytes_up, bytes_down, lasted) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)",
        {Format("{}", event.milliseconds), event.session, event.sandbox,
         std::string(kKinds[static_cast<std::size_t>(event.kind)]), event.host, event.service,
         event.rule, event.reason, event.detail, Format("{}", event.count),
         Format("{}", event.bytes_up), Format("{}", event.bytes_down),
         Format("{}", event.lasted)}));
  }
  // By the ids that are given out: a look at the table at every event would be felt.
  WM_ASSIGN_OR_RETURN(const std::vector<Row> rows,
                      database_->Query("SELECT MAX(id) / 500, (MAX(id) - ?) / 500 "
                                       "FROM network_events",
                                       {Format("{}", events.size())}));
  if (rows.empty() || rows[0].at(0) == rows[0].at(1)) return absl::OkStatus();
  WM_RETURN_IF_ERROR(
      database_->Execute("DELETE FROM network_events WHERE id IN (SELECT id FROM (SELECT id, "
                         "row_number() OVER (PARTITION BY session ORDER BY id DESC) AS place "
                         "FROM network_events) WHERE place > CAST(? AS INTEGER))",
                         {std::string(kEventsEach)}));
  return database_->Execute(
      "DELETE FROM network_events WHERE id <= (SELECT id FROM network_events ORDER BY id DESC "
      "LIMIT 1 OFFSET CAST(? AS INTEGER))",
      {std::string(kEvents)});
}

absl::StatusOr<std::vector<NetworkEvent>> SqliteStore::Events(const EventQuery& query) {
  const std::vector<std::string> values = {Format("{}", query.after),
                                           query.sandbox,
                                           query.sandbox,
                                           query.sandbox,
                                           query.host,
                                           query.host,
                                           Format("{}", query.limit)};
  constexpr std::string_view kSelect =
      "SELECT id, time, session, sandbox, kind, host, service, rule, reason, detail, count, "
      "bytes_up, bytes_down, lasted FROM network_events WHERE id > CAST(? AS INTEGER) AND (?='' "
      "OR session=? OR sandbox=?) AND (?='' OR host=?) ORDER BY id ";
  constexpr std::string_view kLimit = " LIMIT CAST(? AS INTEGER)";
  const std::string sql = Format("{}{}{}", kSelect, query.after > 0 ? "ASC" : "DESC", kLimit);
  WM_ASSIGN_OR_RETURN(const std::vector<Row> rows, Run(Durability::kProcess, sql, values));
  std::vector<NetworkEvent> events;
  for (const Row& row : rows) events.push_back(EventFrom(row));
  if (query.after <= 0) std::reverse(events.begin(), events.end());
  return events;
}

absl::Status SqliteStore::PutAllowance(const NetworkAllowance& allowance) {
  return Run(Durability::kPower, "INSERT OR REPLACE INTO network_allowances VALUES (?,?,?,?)",
             {allowance.session, allowance.rule.text(),
              allowance.rule.allow_private_ips ? "1" : "0", Format("{}", allowance.until)})
      .status();
}

absl::Status SqliteStore::EraseAllowance(const NetworkAllowance& allowance) {
  return Run(Durability::kPower, "DELETE FROM network_allowances WHERE session=? AND rule=?",
             {allowance.session, allowance.rule.text()})
      .status();
}

absl::StatusOr<std::vector<NetworkAllowance>> SqliteStore::LoadAllowances() {
  WM_ASSIGN_OR_RETURN(const std::vector<Row> rows,
                      Run(Durability::kProcess,
                          "SELECT session, rule, private, until FROM network_allowances "
                          "ORDER BY session, rule"));
  std::vector<NetworkAllowance> allowances;
  for (const Row& row : rows) {
    auto rule = egress::ParseHostRule(row.at(1).value_or(""), row.at(2) == "1");
    if (!rule.ok()) continue;  // what is not understood allows nothing
    allowances.push_back(
        {.session = row.at(0).value_or(""), .rule = *std::move(rule), .until = NumberIn(row, 3)});
  }
  return allowances;
}

}  // namespace workmux::daemon
