#include "daemon/sandbox_git/object_stores.h"

#include <algorithm>

#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/io/file.h"
#include "daemon/sandbox_git/git_jail.h"

namespace workmux::daemon {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxStores = 32;

fs::path AlternatesOf(const fs::path& store) { return store / "info" / "alternates"; }

}  // namespace

absl::StatusOr<std::vector<fs::path>> ObjectStores(const fs::path& common_dir) {
  std::error_code error;
  std::vector<fs::path> stores = {fs::canonical(common_dir / "objects", error)};
  if (error) return ErrnoStatus(error.value(), (common_dir / "objects").string());
  for (std::size_t i = 0; i < stores.size(); ++i) {
    const absl::StatusOr<std::string> text = ReadFile(AlternatesOf(stores[i]));
    if (absl::IsNotFound(text.status())) continue;
    if (!text.ok()) return text.status();
    for (const std::string& line : SplitLines(*text)) {
      if (line.empty() || line.front() == '#') continue;
      const fs::path store = fs::canonical(stores[i] / line, error);
      if (error) {
        return WithReason(FailedPrecondition("{}: {} is not readable",
                                             AlternatesOf(stores[i]).string(), Printable(line)),
                          "ALTERNATE_MISSING");
      }
      if (std::find(stores.begin(), stores.end(), store) == stores.end()) stores.push_back(store);
      if (stores.size() > kMaxStores) {
        return FailedPrecondition("{}: borrows from more than {} object directories",
                                  common_dir.string(), kMaxStores);
      }
    }
  }
  return stores;
}

std::string ObjectStoreTarget(std::size_t index) {
  return index == 0 ? kHostObjects : Format("{}.{}", kHostObjects, index);
}

std::vector<Mount> ObjectStoreMounts(const std::vector<fs::path>& stores,
                                     const fs::path& empty_file) {
  std::vector<Mount> mounts;
  for (std::size_t i = 0; i < stores.size(); ++i) {
    const fs::path target = ObjectStoreTarget(i);
    mounts.push_back({stores[i], target, /*writable=*/false});
    std::error_code error;
    if (fs::exists(AlternatesOf(stores[i]), error)) {
      mounts.push_back({empty_file, AlternatesOf(target), /*writable=*/false});
    }
  }
  return mounts;
}

}  // namespace workmux::daemon
