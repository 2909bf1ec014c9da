#pragma once

#include <absl/status/statusor.h>

#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>

namespace workmux::daemon {

// Reads refs of a directory that a guest writes, from files: a loose ref first,
// then packed-refs. No link is followed, nothing but small regular files is
// read. kNotFound when the ref is in neither place; IMPORT_REFUSED
// (kFailedPrecondition) when what stands there is no plain ref.
absl::StatusOr<std::string> ReadPrivateRef(const std::filesystem::path& dir, std::string_view name);

// The same for many at the price of one look into packed-refs; absent and
// malformed refs map to "".
absl::StatusOr<std::map<std::string, std::string>> ReadPrivateRefs(
    const std::filesystem::path& dir, std::span<const std::string> names);

// A full ref name that is safe as a relative path and in a line of
// `git update-ref --stdin` (a subset of git-check-ref-format(1)).
bool IsPlainRefName(std::string_view name);

}  // namespace workmux::daemon
