#include "daemon/domain/operation_payload.h"

#include "tests/support/status_matchers.h"

namespace workmux::daemon {
namespace {

TEST_CASE("EncodeOperation: any byte survives the way through the journal", "[journal]") {
  const OperationFields fields = {{"path", "/a b/\n\xff%41\r=x"}, {"empty", ""}};
  CHECK(test::Must(DecodeOperation(EncodeOperation(fields))) == fields);
}

TEST_CASE("DecodeOperation: what was cut off is no payload", "[journal]") {
  CHECK_CODE(DecodeOperation("path=/a%4"), absl::StatusCode::kDataLoss);
  CHECK_CODE(DecodeOperation("path"), absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace workmux::daemon
