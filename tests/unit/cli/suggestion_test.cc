#include "cli/suggestion.h"

#include <vector>

#include "tests/support/catch.h"

namespace workmux::cli {
namespace {

TEST_CASE("NearestMatch: a slip finds its command and a strange word finds none", "[cli]") {
  const std::vector<std::string> names = {"add", "list", "merge", "remove", "status"};
  CHECK(NearestMatch("lsit", names) == "list");
  CHECK(NearestMatch("merg", names) == "merge");
  CHECK(NearestMatch("stauts", names) == "status");
  CHECK(NearestMatch("deploy", names).empty());
  CHECK(NearestMatch(std::string(1000, 'x'), names).empty());
}

}  // namespace
}  // namespace workmux::cli
