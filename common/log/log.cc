#include "common/log/log.h"

#include <spdlog/sinks/rotating_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <string>

#include "common/base/strings.h"

namespace workmux {
namespace {

constexpr std::size_t kMaxLogBytes = 5u << 20;
constexpr std::size_t kLogFiles = 5;

void Write(spdlog::level::level_enum level, std::string_view area, std::string_view message) {
  // What guests and repositories chose may stand in a message.
  spdlog::log(level, "[{}] {}", std::string(area), Printable(message));
}

}  // namespace

void StartLogging(const std::filesystem::path& file, std::string_view level) {
  std::shared_ptr<spdlog::logger> logger;
  if (file.empty()) {
    logger = std::make_shared<spdlog::logger>("workmuxd", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  } else {
    logger = std::make_shared<spdlog::logger>(
        "workmuxd", std::make_shared<spdlog::sinks::rotating_file_sink_mt>(file.string(), kMaxLogBytes, kLogFiles));
  }
  logger->set_level(spdlog::level::from_str(std::string(level)));
  logger->flush_on(spdlog::level::info);
  spdlog::set_default_logger(std::move(logger));
}

void LogInfo(std::string_view area, std::string_view message) { Write(spdlog::level::info, area, message); }
void LogWarning(std::string_view area, std::string_view message) { Write(spdlog::level::warn, area, message); }
void LogError(std::string_view area, std::string_view message) { Write(spdlog::level::err, area, message); }
void LogDebug(std::string_view area, std::string_view message) { Write(spdlog::level::debug, area, message); }

}  // namespace workmux
