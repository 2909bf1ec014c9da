#include "daemon/domain/operation_payload.h"

#include <charconv>

#include "common/base/status.h"
#include "common/base/strings.h"

namespace workmux::daemon {
namespace {

std::string Escaped(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte >= 0x7F || c == '%') {
      escaped += Format("%{:02x}", static_cast<unsigned>(byte));
    } else {
      escaped += c;
    }
  }
  return escaped;
}

bool Unescape(std::string_view text, std::string& plain) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      plain += text[i];
      continue;
    }
    if (text.size() - i < 3) return false;
    unsigned value = 0;
    const char* end = text.data() + i + 3;
    const auto [stop, error] = std::from_chars(text.data() + i + 1, end, value, 16);
    if (error != std::errc() || stop != end) return false;
    plain += static_cast<char>(value);
    i += 2;
  }
  return true;
}

}  // namespace

std::string EncodeOperation(const OperationFields& fields) {
  std::string payload;
  for (const auto& [key, value] : fields) payload += key + "=" + Escaped(value) + "\n";
  return payload;
}

absl::StatusOr<OperationFields> DecodeOperation(std::string_view payload) {
  OperationFields fields;
  for (const std::string& line : SplitLines(payload)) {
    const auto equals = line.find('=');
    std::string value;
    if (equals == std::string::npos ||
        !Unescape(std::string_view(line).substr(equals + 1), value)) {
      return DataLoss("a journal entry cannot be read");
    }
    fields[line.substr(0, equals)] = value;
  }
  return fields;
}

}  // namespace workmux::daemon
