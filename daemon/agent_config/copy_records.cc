#include "daemon/agent_config/copy_records.h"

#include "common/base/strings.h"
#include "common/io/file.h"
#include "common/io/tree.h"

namespace workmux::daemon {
namespace {

// One line: kind, name and the four texts, separated by tabs. Names with control
// characters are never recorded (AgentCopy).
constexpr std::size_t kFields = 6;
constexpr std::string_view kKinds = "sle";

}  // namespace

CopyRecords CopyRecords::Load(const std::filesystem::path& path) {
  CopyRecords loaded;
  const auto text = ReadFile(path);
  if (!text.ok()) return loaded;
  for (const std::string& line : SplitLines(*text)) {
    const std::vector<std::string> fields = Split(line, '\t');
    if (fields.size() != kFields || fields[0].size() != 1) continue;
    const auto kind = kKinds.find(fields[0][0]);
    if (kind == std::string_view::npos) continue;
    loaded.records_[{static_cast<Kind>(kind), fields[1]}] = {fields[2], fields[3], fields[4],
                                                             fields[5]};
  }
  return loaded;
}

absl::Status CopyRecords::Save(int dir, const std::string& name) {
  if (!changed_) return absl::OkStatus();
  std::string text;
  for (const auto& [key, record] : records_) {
    text += kKinds[static_cast<std::size_t>(key.first)];
    for (const std::string& field :
         {key.second, record.host, record.copy, record.host_login, record.copy_login}) {
      text += '\t' + field;
    }
    text += '\n';
  }
  changed_ = false;
  return WriteFileAt(dir, name, text, 0600);
}

CopyRecords::Record CopyRecords::Find(Kind kind, const std::string& name) const {
  const auto found = records_.find({kind, name});
  return found == records_.end() ? Record{} : found->second;
}

void CopyRecords::Put(Kind kind, const std::string& name, Record record) {
  Record& known = records_[{kind, name}];
  if (known == record) return;
  known = std::move(record);
  changed_ = true;
}

void CopyRecords::Erase(Kind kind, const std::string& name) {
  changed_ = records_.erase({kind, name}) > 0 || changed_;
}

std::map<std::string, CopyRecords::Record> CopyRecords::All(Kind kind) const {
  std::map<std::string, Record> all;
  for (const auto& [key, record] : records_) {
    if (key.first == kind) all[key.second] = record;
  }
  return all;
}

}  // namespace workmux::daemon
