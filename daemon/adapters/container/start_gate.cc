#include "daemon/adapters/container/start_gate.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/io/file.h"

namespace workmux::daemon {
namespace {

namespace fs = std::filesystem;

constexpr char kId[] = "id";
constexpr char kPid[] = "pid";
// conmon writes the pid beside its place and renames it.
constexpr const char* kFiles[] = {kId, kPid, ".pid"};
constexpr std::size_t kMaxFile = 256;
// A file that comes between the removal of the files and of the directory.
constexpr int kMaxRounds = 100;

// One step of a path; the engines' names have no other form.
bool IsPlain(std::string_view name) {
  return !name.empty() && name[0] != '.' && name.find('/') == std::string_view::npos;
}

}  // namespace

absl::StatusOr<StartGate::Files> StartGate::Open(std::string_view name) const {
  if (!IsPlain(name)) return InvalidArgument("{}: not a name for a container", Printable(name));
  WM_RETURN_IF_ERROR(MakePrivateDirectory(directory_));
  const fs::path gate = directory_ / name;
  if (::mkdir(gate.c_str(), 0700) != 0) return ErrnoStatus(errno, gate.native());
  return Files{gate / kId, gate / kPid};
}

absl::Status StartGate::Shut(std::string_view name) const {
  if (!IsPlain(name)) return absl::OkStatus();
  const fs::path gate = directory_ / name;
  for (int round = 0; round < kMaxRounds; ++round) {
    for (const char* file : kFiles) ::unlink((gate / file).c_str());
    if (::rmdir(gate.c_str()) == 0 || errno == ENOENT) return absl::OkStatus();
    if (errno != ENOTEMPTY && errno != EEXIST) break;
  }
  return ErrnoStatus(errno, gate.native());
}

bool StartGate::IsWaiting(std::string_view name) const {
  if (!IsPlain(name)) return false;
  const fs::path gate = directory_ / name;
  struct stat info {};
  // The directory last: it goes after the file.
  const bool made = ::stat((gate / kId).c_str(), &info) == 0 || errno != ENOENT;
  return !made && ::stat(gate.c_str(), &info) == 0;
}

std::optional<StartGate::FirstProcess> StartGate::Find(std::string_view name) const {
  if (!IsPlain(name)) return std::nullopt;
  const auto container = ReadFile(directory_ / name / kId, kMaxFile);
  const auto text = ReadFile(directory_ / name / kPid, kMaxFile);
  long long pid = 0;
  if (!container.ok() || !text.ok() || !ParseInt(Trim(*text), pid) || pid <= 1) return std::nullopt;
  FirstProcess first{std::string(Trim(*container)), static_cast<pid_t>(pid)};
  if (first.container.empty()) return std::nullopt;
  return first;
}

}  // namespace workmux::daemon
