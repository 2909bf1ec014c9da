#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "common/process/command.h"
#include "tests/support/build_tree.h"
#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"

namespace workmux::test {

// One argument a line; what is read from descriptors follows.
inline std::string Render(const std::vector<std::string>& argv,
                          const std::vector<InheritedFile>& files) {
  std::string text;
  for (const std::string& argument : argv) text += argument + "\n";
  for (const InheritedFile& file : files) {
    text += "--- descriptor " + std::to_string(file.number) + "\n";
    for (const char c : file.content) text += c == '\0' ? '\n' : c;
    if (!text.ends_with('\n')) text += '\n';
  }
  return text;
}

// Compares with tests/golden/<name>; WORKMUX_UPDATE_GOLDEN=1 rewrites it.
inline void CheckGolden(const std::string& name, const std::string& actual) {
  const std::filesystem::path path = SourceDir() / "tests/golden" / name;
  if (std::getenv("WORKMUX_UPDATE_GOLDEN") != nullptr) WriteFile(path, actual);
  INFO(path.string());
  CHECK(actual == ReadWholeFile(path));
}

}  // namespace workmux::test
