#pragma once

#include <absl/status/statusor.h>

#include <filesystem>
#include <string>
#include <vector>

#include "daemon/domain/sandbox_spec.h"

namespace workmux::daemon {

// The host's `objects` and every directory it borrows from (gitrepository-layout(5),
// objects/info/alternates), nearest first, canonical, each once.
absl::StatusOr<std::vector<std::filesystem::path>> ObjectStores(
    const std::filesystem::path& common_dir);

// The path at which a sandbox sees store number `index`.
std::string ObjectStoreTarget(std::size_t index);

// The stores read-only at those paths. `empty_file` covers their own alternates,
// whose host paths mean nothing inside.
std::vector<Mount> ObjectStoreMounts(const std::vector<std::filesystem::path>& stores,
                                     const std::filesystem::path& empty_file);

}  // namespace workmux::daemon
