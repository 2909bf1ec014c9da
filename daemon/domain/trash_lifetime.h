#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

namespace workmux::daemon {

// How long what was removed can be taken back: as long as git itself keeps what
// nothing reaches, gc.reflogExpireUnreachable of git-config(1).
inline constexpr std::chrono::hours kTrashLifetime{24 * 30};

// The seconds since the epoch that a name of a trash ends with, after the last
// `separator`. Nothing for what workmux cannot have written: no number, or a time
// before it existed. Such a thing is somebody else's, or its age is not known.
std::optional<std::int64_t> TrashTime(std::string_view name, char separator);

// False for an unknown time, for one in the future, and when the clock is wrong.
bool IsExpired(std::optional<std::int64_t> trashed_unix, std::int64_t now_unix);

}  // namespace workmux::daemon
