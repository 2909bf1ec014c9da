#pragma once

#include <cstddef>
#include <filesystem>
#include <string_view>

namespace workmux {

// Sends all loggers to a file of mode 0600 that rotates (5 files of
// `max_bytes` in all), or to stderr when `file` is empty (under a service manager)
// or cannot be written. Call once, before any Log().
void StartLogging(const std::filesystem::path& file, std::string_view level,
                  std::size_t max_bytes = 5u << 20);

void LogInfo(std::string_view area, std::string_view message);
void LogWarning(std::string_view area, std::string_view message);
void LogError(std::string_view area, std::string_view message);
void LogDebug(std::string_view area, std::string_view message);

}  // namespace workmux
