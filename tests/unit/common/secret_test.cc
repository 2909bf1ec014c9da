#include "common/base/secret.h"

#include "tests/support/catch.h"

namespace workmux {
namespace {

TEST_CASE("Secret: matches only the very same text", "[secret]") {
  const Secret secret("s3cret-token");
  CHECK(secret.Matches("s3cret-token"));
  for (const char* other : {"", "s3cret-toke", "s3cret-token ", "S3cret-token", "s3cret-tokeN"}) {
    CHECK_FALSE(secret.Matches(other));
  }
}

TEST_CASE("Secret: an empty one matches the empty text and nothing else", "[secret]") {
  CHECK(Secret().empty());
  CHECK(Secret().Matches(""));
  CHECK_FALSE(Secret().Matches("x"));
}

}  // namespace
}  // namespace workmux
