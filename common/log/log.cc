#include "common/log/log.h"

#include <spdlog/sinks/rotating_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>

#include <cstdio>
#include <string>

#include "common/base/strings.h"

namespace workmux {
namespace {

constexpr std::size_t kOldLogFiles = 4;  // beside the one that is written

void Write(spdlog::level::level_enum level, std::string_view area, std::string_view message) {
  // What guests and repositories chose may stand in a message.
  spdlog::log(level, "[{}] {}", std::string(area), Printable(message));
}

}  // namespace

void StartLogging(const std::filesystem::path& file, std::string_view level,
                  std::size_t max_bytes) {
  std::shared_ptr<spdlog::sinks::sink> sink;
  if (!file.empty()) {
    spdlog::file_event_handlers events;
    // Names of repositories, branches and paths are nobody else's business.
    events.after_open = [](const std::string&, std::FILE* stream) {
      ::fchmod(::fileno(stream), S_IRUSR | S_IWUSR);
    };
    try {
      sink = std::make_shared<spdlog::sinks::rotating_file_sink_mt>(file.string(), max_bytes,
                                                                    kOldLogFiles, false, events);
    } catch (const spdlog::spdlog_ex& error) {
      // A full disk must not keep the daemon from running.
      std::fprintf(stderr, "workmuxd: no log file: %s\n", error.what());
    }
  }
  if (!sink) sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
  auto logger = std::make_shared<spdlog::logger>("workmuxd", std::move(sink));
  const auto known = spdlog::level::from_str(std::string(level));
  // from_str takes what it does not know for "off".
  logger->set_level(known == spdlog::level::off && level != "off" ? spdlog::level::info : known);
  logger->flush_on(spdlog::level::info);
  spdlog::set_default_logger(std::move(logger));
}

void LogInfo(std::string_view area, std::string_view message) {
  Write(spdlog::level::info, area, message);
}
void LogWarning(std::string_view area, std::string_view message) {
  Write(spdlog::level::warn, area, message);
}
void LogError(std::string_view area, std::string_view message) {
  Write(spdlog::level::err, area, message);
}
void LogDebug(std::string_view area, std::string_view message) {
  Write(spdlog::level::debug, area, message);
}

}  // namespace workmux
