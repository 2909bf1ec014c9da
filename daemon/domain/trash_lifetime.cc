#include "daemon/domain/trash_lifetime.h"

#include "common/base/strings.h"

namespace workmux::daemon {
namespace {

constexpr std::int64_t kNoEarlier = 1577836800;  // 2020-01-01T00:00:00Z

}  // namespace

std::optional<std::int64_t> TrashTime(std::string_view name, char separator) {
  const auto at = name.rfind(separator);
  if (at == std::string_view::npos) return std::nullopt;
  long long seconds = 0;
  if (!ParseInt(name.substr(at + 1), seconds) || seconds < kNoEarlier) return std::nullopt;
  return seconds;
}

bool IsExpired(std::optional<std::int64_t> trashed_unix, std::int64_t now_unix) {
  if (!trashed_unix || now_unix < kNoEarlier || *trashed_unix > now_unix) return false;
  return now_unix - *trashed_unix > std::chrono::seconds(kTrashLifetime).count();
}

}  // namespace workmux::daemon
