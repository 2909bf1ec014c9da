#include "daemon/sys/instance_id.h"

#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/io/file.h"
#include "daemon/sys/random.h"

namespace workmux::daemon {
namespace {

constexpr std::size_t kBytes = 8;

bool IsInstanceId(std::string_view text) {
  return text.size() == 2 * kBytes &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

}  // namespace

absl::StatusOr<std::string> InstanceId(const std::filesystem::path& state_dir) {
  const std::filesystem::path file = state_dir / "instance";
  const auto known = ReadFile(file);
  if (known.ok()) {
    const std::string_view id = Trim(*known);
    if (IsInstanceId(id)) return std::string(id);
    return WithHint(DataLoss("{}: not the name of an instance", file.string()), "remove the file");
  }
  if (!absl::IsNotFound(known.status())) return known.status();
  const std::string made = RandomHex(kBytes);
  WM_RETURN_IF_ERROR(WriteFileAtomically(file, made + "\n"));
  return made;
}

}  // namespace workmux::daemon
