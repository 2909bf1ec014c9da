#pragma once

#include <string>
#include <vector>

#include "common/process/command_runner.h"
#include "daemon/domain/types.h"
#include "daemon/ports/sandbox_backend.h"

namespace workmux::daemon {

// `workmux doctor`: what this machine has of what workmux needs, and the fix for
// what it lacks. Looks only; starts and changes nothing.
class Doctor {
 public:
  enum class Verdict { kOk, kWarning, kMissing };
  struct Check {
    std::string name;
    Verdict verdict = Verdict::kOk;
    std::string found;
    std::string fix;  // empty when there is nothing to do
  };

  Doctor(CommandRunner& runner, const std::map<std::string, SandboxBackend*, std::less<>>& backends)
      : runner_(runner), backends_(backends) {}

  // As the caller would find things: their PATH and tmux server count.
  std::vector<Check> Examine(const Caller& caller, const std::string& tmux_socket);

 private:
  Check CheckVersion(const Caller& caller, const std::string& program, const std::string& flag,
                     int major, int minor, const std::string& package);
  Check CheckBackend(const Caller& caller, const std::string& name);
  // Versions of what makes sandboxes, for those that answer.
  void CheckAdvisories(const Caller& caller, std::vector<Check>& checks);
  Check CheckFocusEvents(const Caller& caller, const std::string& tmux_socket);

  CommandRunner& runner_;
  const std::map<std::string, SandboxBackend*, std::less<>>& backends_;
};

}  // namespace workmux::daemon
