#include <unistd.h>

#include <cstdlib>
#include <iostream>

#include "tests/support/catch.h"

namespace workmux {
namespace {

TEST_CASE("Environment: a test labelled root keeps root's rights", "[environment]") {
  if (std::getenv("WORKMUX_TEST_IMAGE") == nullptr) {
    std::cout << "SKIPPED: not started by tests/run\n";
    return;
  }
  CHECK(::geteuid() == 0);
}

}  // namespace
}  // namespace workmux
