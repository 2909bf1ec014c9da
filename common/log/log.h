#pragma once

#include <filesystem>
#include <string_view>

namespace workmux {

// Sends all loggers to a file that rotates (5 files of 5 MiB), or to stderr when
// `file` is empty (under a service manager). Call once, before any Log().
void StartLogging(const std::filesystem::path& file, std::string_view level);

void LogInfo(std::string_view area, std::string_view message);
void LogWarning(std::string_view area, std::string_view message);
void LogError(std::string_view area, std::string_view message);
void LogDebug(std::string_view area, std::string_view message);

}  // namespace workmux
