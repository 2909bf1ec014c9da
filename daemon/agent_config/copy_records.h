#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <utility>

#include <absl/status/statusor.h>

namespace workmux::daemon {

// What a copy and the host held of each file when they last agreed. A cache with
// one exception: which side of a login has changed since. A value.
class CopyRecords {
 public:
  enum class Kind { kSettings, kLogin, kSeed };
  struct Record {
    std::string host;  // FileStamp::text
    std::string copy;
    std::string host_login;  // digests; logins only
    std::string copy_login;
    bool operator==(const Record&) const = default;
  };

  // Of the file `path`; absent or unreadable as a whole: none.
  static CopyRecords Load(const std::filesystem::path& path);
  // Does nothing when nothing changed. `dir` is open on the file's directory.
  absl::Status Save(int dir, const std::string& name);

  // Nothing known: a record of empty texts.
  Record Find(Kind kind, const std::string& name) const;
  void Put(Kind kind, const std::string& name, Record record);
  void Erase(Kind kind, const std::string& name);
  // The names of one kind.
  std::map<std::string, Record> All(Kind kind) const;

 private:
  std::map<std::pair<Kind, std::string>, Record> records_;
  bool changed_ = false;
};

}  // namespace workmux::daemon
