#include "cli/commands/demo_processes.h"

#include <absl/functional/function_ref.h>
#include <unistd.h>

#include <filesystem>

#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/io/file.h"

namespace workmux::cli {
namespace {

namespace fs = std::filesystem;

// ARG_MAX and the environment together stay below this by default, execve(2).
constexpr std::size_t kMaxArguments = 8u << 20;

std::string ReadOr(const fs::path& path) {
  auto content = ReadFile(path, kMaxArguments);
  return content.ok() ? *std::move(content) : std::string();
}

absl::StatusOr<std::vector<pid_t>> Find(absl::FunctionRef<bool(const fs::path&)> matches) {
  std::vector<pid_t> found;
  std::error_code error;
  fs::directory_iterator entries("/proc", error);
  if (error) return ErrnoStatus(error.value(), "/proc");
  for (const fs::directory_iterator end; entries != end; entries.increment(error)) {
    long long pid = 0;
    if (!ParseInt(entries->path().filename().string(), pid)) continue;
    if (pid != ::getpid() && matches(entries->path())) found.push_back(static_cast<pid_t>(pid));
    if (error) break;
  }
  if (error) return ErrnoStatus(error.value(), "/proc");
  return found;
}

}  // namespace

// A zombie has no arguments left, so it matches neither.
absl::StatusOr<std::vector<pid_t>> ProcessesRunning(const std::vector<std::string>& argv) {
  std::string wanted;
  for (const std::string& word : argv) wanted += word + '\0';
  return Find([&](const fs::path& dir) { return ReadOr(dir / "cmdline") == wanted; });
}

absl::StatusOr<std::vector<pid_t>> ProcessesNaming(std::string_view path) {
  return Find([&](const fs::path& dir) {
    std::error_code error;
    const std::string arguments = ReadOr(dir / "cmdline");
    if (arguments.empty()) return false;
    return arguments.find(path) != std::string::npos ||
           ReadOr(dir / "environ").find(path) != std::string::npos ||
           fs::read_symlink(dir / "cwd", error).native().starts_with(path);
  });
}

}  // namespace workmux::cli
