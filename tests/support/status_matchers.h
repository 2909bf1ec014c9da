#pragma once

#include <absl/status/statusor.h>

#include "common/base/status.h"
#include "tests/support/catch.h"

namespace workmux::test {

inline absl::Status StatusOf(const absl::Status& status) { return status; }
template <typename T>
absl::Status StatusOf(const absl::StatusOr<T>& value) {
  return value.status();
}

// The value of `result`, failing the test with its status when there is none.
template <typename T>
T Must(absl::StatusOr<T> result) {
  INFO(result.status().ToString());
  REQUIRE(result.ok());
  return std::move(result).value();
}

}  // namespace workmux::test

#define CHECK_OK(expr)                                            \
  do {                                                            \
    const absl::Status wm_status = workmux::test::StatusOf(expr); \
    INFO(wm_status.ToString());                                   \
    CHECK(wm_status.ok());                                        \
  } while (false)

#define REQUIRE_OK(expr)                                          \
  do {                                                            \
    const absl::Status wm_status = workmux::test::StatusOf(expr); \
    INFO(wm_status.ToString());                                   \
    REQUIRE(wm_status.ok());                                      \
  } while (false)

#define CHECK_CODE(expr, expected)                                \
  do {                                                            \
    const absl::Status wm_status = workmux::test::StatusOf(expr); \
    INFO(wm_status.ToString());                                   \
    CHECK(wm_status.code() == (expected));                        \
  } while (false)
