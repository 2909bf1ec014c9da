#pragma once

#include <filesystem>
#include <string>

namespace workmux::test {

// A short-named directory of its own below $TMPDIR, mode 0700, removed at the
// end of the scope. Short, because sockets are made in it.
class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const std::filesystem::path& below) const {
    return path_ / below;
  }

 private:
  std::filesystem::path path_;
};

void WriteFile(const std::filesystem::path& path, std::string_view content);
std::string ReadWholeFile(const std::filesystem::path& path);

}  // namespace workmux::test
