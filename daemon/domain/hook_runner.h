#pragma once

#include <absl/status/status.h>

#include <filesystem>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>

#include "common/process/command_runner.h"
#include "daemon/domain/progress.h"

namespace workmux::daemon {

// Commands of the user's configuration that run on the host around an operation.
struct HookRun {
  std::string_view hook;  // the key: "post_create", "pre_merge", "pre_remove"
  std::span<const std::string> commands;
  std::filesystem::path cwd;
  Env env;        // the caller's
  Env variables;  // WM_…, on top of env
};

// Runs the commands one after the other, each with `bash -c`. Their output goes
// to `progress` line by line. The first that fails ends it: kFailedPrecondition
// (HOOK_FAILED) naming the hook, the command and how it ended; kCancelled when
// `stop` was requested.
absl::Status RunHooks(CommandRunner& runner, const HookRun& run, ProgressSink& progress,
                      std::stop_token stop);

}  // namespace workmux::daemon
