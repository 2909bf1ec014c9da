#include "tests/support/golden.h"

#include <cstdlib>
#include <filesystem>
#include <string>

#include "tests/support/build_tree.h"
#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"

namespace workmux::test {

void CheckGolden(std::string_view name, std::string_view actual) {
  const std::filesystem::path file = SourceDir() / "tests/golden" / name;
  const char* update = std::getenv("WORKMUX_UPDATE_GOLDEN");
  if (update != nullptr && std::string_view(update) == "1") {
    WriteFile(file, actual);
    return;
  }
  INFO(file.string() << " (WORKMUX_UPDATE_GOLDEN=1 rewrites it)");
  REQUIRE(std::filesystem::exists(file));
  CHECK(ReadWholeFile(file) == actual);
}

}  // namespace workmux::test
