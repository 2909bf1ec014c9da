#pragma once

#include <absl/status/statusor.h>

#include <map>
#include <string>
#include <string_view>

namespace workmux::daemon {

// A journal entry's fields, in which any byte may stand: "key=value" lines with
// '%', control characters and everything beyond ASCII as %XX.
using OperationFields = std::map<std::string, std::string, std::less<>>;

std::string EncodeOperation(const OperationFields& fields);
// kDataLoss when it is not what EncodeOperation wrote.
absl::StatusOr<OperationFields> DecodeOperation(std::string_view payload);

}  // namespace workmux::daemon
