#include "daemon/adapters/git/porcelain.h"

#include <optional>

#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/process/command_runner.h"
#include "daemon/adapters/git/ref_name.h"

namespace workmux::daemon {
namespace {

// The records of a -z output; each ends with NUL.
class Records {
 public:
  explicit Records(std::string_view text) : rest_(text) {}
  bool done() const { return rest_.empty(); }
  std::optional<std::string_view> Next() {
    const auto end = rest_.find('\0');
    if (end == std::string_view::npos) return std::nullopt;
    const auto record = rest_.substr(0, end);
    rest_.remove_prefix(end + 1);
    return record;
  }

 private:
  std::string_view rest_;
};

// What follows the first `fields` space-separated fields: a path, with any bytes.
std::optional<std::string_view> AfterFields(std::string_view record, int fields) {
  for (int i = 0; i < fields; ++i) {
    const auto space = record.find(' ');
    if (space == std::string_view::npos) return std::nullopt;
    record.remove_prefix(space + 1);
  }
  if (record.empty()) return std::nullopt;
  return record;
}

absl::Status Malformed(std::string_view what) {
  return WithReason(DataLoss("git {} wrote something unexpected", what), "UNEXPECTED_GIT_OUTPUT");
}

void AddLine(WorktreeChanges& changes, std::string_view xy, std::string_view path,
             std::string_view original = {}) {
  ++changes.count;
  if (changes.lines.size() >= kMaxStatusLines) return;
  std::string line(xy);
  for (char& c : line) c = c == '.' ? ' ' : c;
  line += ' ';
  if (!original.empty()) line += std::string(original) + " -> ";
  line += path;
  changes.lines.push_back(std::move(line));
}

// One record of kind 1, 2 or u; `record` is past the kind.
bool ReadTracked(char kind, std::string_view record, Records& records, StatusReport& report) {
  // XY sub mH mI mW hH hI [Xscore], or for u: XY sub m1 m2 m3 mW h1 h2 h3.
  const int fields = kind == '1' ? 7 : kind == '2' ? 8 : 9;
  const auto path = AfterFields(record, fields);
  if (!path || record.size() < 3 || record[2] != ' ') return false;
  const auto xy = record.substr(0, 2);
  std::string_view original;
  if (kind == '2') {
    const auto from = records.Next();
    if (!from) return false;
    original = *from;
  }
  WorktreeChanges& changes = report.changes;
  if (kind == 'u') {
    changes.conflicted = true;
    if (report.conflicted.size() < kMaxStatusLines) report.conflicted.emplace_back(*path);
  } else {
    changes.staged |= xy[0] != '.';
    changes.unstaged |= xy[1] != '.';
  }
  AddLine(changes, xy, *path, original);
  return true;
}

}  // namespace

absl::StatusOr<StatusReport> ParseStatus(std::string_view output) {
  StatusReport report;
  Records records(output);
  while (!records.done()) {
    const auto record = records.Next();
    if (!record || record->size() < 3 || (*record)[1] != ' ') return Malformed("status");
    const char kind = (*record)[0];
    const auto rest = record->substr(2);
    if (kind == '#') continue;
    if (kind == '?') {
      report.changes.untracked = true;
      AddLine(report.changes, "??", rest);
    } else if (kind == '1' || kind == '2' || kind == 'u') {
      if (!ReadTracked(kind, rest, records, report)) return Malformed("status");
    } else {
      return Malformed("status");
    }
  }
  return report;
}

absl::StatusOr<std::vector<ListedWorktree>> ParseWorktreeList(std::string_view output) {
  std::vector<ListedWorktree> worktrees;
  Records records(output);
  bool inside = false;
  while (!records.done()) {
    const auto record = records.Next();
    if (!record) return Malformed("worktree list");
    if (record->empty()) {
      inside = false;
    } else if (record->starts_with("worktree ")) {
      if (inside) return Malformed("worktree list");
      inside = true;
      worktrees.push_back({.path = std::string(record->substr(9)), .head = {}, .branch = {}});
    } else if (!inside) {
      return Malformed("worktree list");
    } else if (record->starts_with("HEAD ")) {
      const auto id = record->substr(5);
      if (!IsObjectId(id)) return Malformed("worktree list");
      if (id.find_first_not_of('0') != std::string_view::npos) worktrees.back().head = id;
    } else if (record->starts_with("branch ")) {
      worktrees.back().branch = record->substr(7);
    } else if (*record == "bare") {
      worktrees.back().bare = true;
    }
  }
  return worktrees;
}

absl::StatusOr<std::vector<Commit>> ParseLog(std::string_view output) {
  std::vector<Commit> commits;
  Records records(output);
  while (!records.done()) {
    const auto id = records.Next();
    const auto subject = records.Next();
    if (!id || !subject || !IsObjectId(*id)) return Malformed("log");
    commits.push_back({.id = std::string(*id), .subject = std::string(*subject)});
  }
  return commits;
}

absl::Status GitFailed(std::string_view what, const CommandResult& result) {
  Command command;
  command.argv = {"git " + std::string(what)};
  return FailedCommand(command, result);
}

absl::StatusOr<std::vector<std::string>> ParseGitlinks(std::string_view output) {
  std::vector<std::string> paths;
  Records records(output);
  while (!records.done()) {
    const auto record = records.Next();
    if (!record) return Malformed("ls-files");
    const auto tab = record->find('\t');
    if (tab == std::string_view::npos || tab + 1 == record->size()) return Malformed("ls-files");
    if (record->starts_with("160000 ")) paths.emplace_back(record->substr(tab + 1));
  }
  return paths;
}

}  // namespace workmux::daemon
