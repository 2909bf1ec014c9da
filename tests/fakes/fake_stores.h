#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "daemon/domain/operation_journal.h"
#include "daemon/domain/worktree_records.h"

namespace workmux::test {

// Both keep everything in memory, and survive what a test calls a crash by being
// handed to the next WorktreeManager.
class FakeJournal : public daemon::OperationJournal {
 public:
  absl::StatusOr<std::int64_t> Begin(std::string_view kind, std::string_view payload) override {
    entries_.push_back({++last_id_, std::string(kind), std::string(payload), {}});
    if (dead_) entries_.pop_back();
    return last_id_;
  }
  absl::Status Note(std::int64_t id, std::string_view step) override {
    if (dead_) return absl::OkStatus();
    for (Entry& entry : entries_) {
      if (entry.id == id) entry.steps.emplace_back(step);
    }
    return absl::OkStatus();
  }
  absl::Status End(std::int64_t id) override {
    if (!dead_) std::erase_if(entries_, [id](const Entry& entry) { return entry.id == id; });
    return absl::OkStatus();
  }
  absl::StatusOr<std::vector<Entry>> Unfinished() override { return entries_; }

  // From now on nothing is written down any more, as after a crash.
  void Die() { dead_ = true; }
  void Live() { dead_ = false; }

 private:
  std::vector<Entry> entries_;
  std::int64_t last_id_ = 0;
  bool dead_ = false;
};

class FakeRecords : public daemon::WorktreeRecords {
 public:
  using Path = std::filesystem::path;

  absl::Status Put(const Path& common_dir, const Path& path,
                   const daemon::WorktreeRecord& record) override {
    if (!put_failure.ok()) return std::exchange(put_failure, absl::OkStatus());
    records_[{common_dir, path}] = record;
    return absl::OkStatus();
  }
  absl::StatusOr<std::optional<daemon::WorktreeRecord>> Get(const Path& common_dir,
                                                            const Path& path) override {
    const auto found = records_.find({common_dir, path});
    if (found == records_.end()) return std::optional<daemon::WorktreeRecord>();
    return std::optional<daemon::WorktreeRecord>(found->second);
  }
  absl::StatusOr<std::map<Path, daemon::WorktreeRecord>> List(const Path& common_dir) override {
    std::map<Path, daemon::WorktreeRecord> found;
    for (const auto& [key, record] : records_) {
      if (key.first == common_dir) found[key.second] = record;
    }
    return found;
  }
  absl::StatusOr<std::set<Path>> Repositories() override {
    std::set<Path> found;
    for (const auto& [key, record] : records_) found.insert(key.first);
    return found;
  }
  absl::Status Erase(const Path& common_dir, const Path& path) override {
    records_.erase({common_dir, path});
    return absl::OkStatus();
  }

  absl::Status put_failure;

 private:
  std::map<std::pair<Path, Path>, daemon::WorktreeRecord> records_;
};

}  // namespace workmux::test
