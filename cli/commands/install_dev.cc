#include "cli/commands/install_dev.h"

#include <sys/utsname.h>

#include "cli/client/session_runner.h"
#include "cli/commands/image_display.h"
#include "cli/commands/trust.h"
#include "cli/exit_code.h"
#include "common/base/status.h"
#include "workmux/control/v1/image.pb.h"

namespace workmux::cli {
namespace {

namespace fs = std::filesystem;
namespace pb = control::v1;

absl::StatusOr<fs::path> FindSource(const fs::path& cwd) {
  std::error_code error;
  for (fs::path dir = cwd; !dir.empty(); dir = dir.parent_path()) {
    if (fs::exists(dir / "CMakePresets.json", error) && fs::exists(dir / "guest/main.cc", error))
      return dir;
    if (dir == dir.root_path()) break;
  }
  return WithHint(FailedPrecondition("{}: not in a checkout of workmux", cwd.string()),
                  "change to the source tree of workmux");
}

std::string ThisMachine() {
  utsname name{};
  return ::uname(&name) == 0 ? name.machine : "";
}

absl::Status RunTool(std::vector<std::string> argv, const CommandEnv& env) {
  SessionSignals signals;
  const std::string shown = argv.front() + " " + argv[1];
  const Command command{
      .argv = std::move(argv), .cwd = env.invocation.cwd, .env = env.invocation.env};
  WM_ASSIGN_OR_RETURN(const int code, RunForeground(command, signals));
  return code == 0 ? absl::OkStatus() : Internal("{}: exit code {}", shown, code);
}

}  // namespace

absl::StatusOr<int> RunInstallDev(const InstallDevOptions& options, const CommandEnv& env) {
  WM_ASSIGN_OR_RETURN(const fs::path source, FindSource(env.invocation.cwd));
  pb::GetBuildTargetRequest asked;
  WM_RETURN_IF_ERROR(FillContext(env.invocation, *asked.mutable_context()));
  WM_ASSIGN_OR_RETURN(const pb::GetBuildTargetResponse target,
                      RetryAfterTrust(env, [&] { return env.daemon.GetBuildTarget(asked); }));

  const std::string preset = options.release ? "release" : "dev";
  const bool cross = target.machine() != ThisMachine();
  const fs::path build = source / "build" / (cross ? preset + "-" + target.machine() : preset);
  if (!options.skip_build) {
    std::vector<std::string> configure = {"cmake",         "--preset", preset,        "-S",
                                          source.string(), "-B",       build.string()};
    if (cross) {
      configure.push_back("--toolchain");
      configure.push_back(
          (source / "packaging/cmake/toolchains" / (target.machine() + ".cmake")).string());
    }
    WM_RETURN_IF_ERROR(RunTool(std::move(configure), env));
    WM_RETURN_IF_ERROR(
        RunTool({"cmake", "--build", build.string(), "--target", "workmux-guest"}, env));
  }

  pb::InstallGuestRequest request;
  *request.mutable_context() = asked.context();
  request.set_program((build / "lib/workmux/guest/workmux-guest").string());
  ImageDisplay display("Installing into", env);
  const absl::Status status =
      env.daemon.InstallGuest(request, [&](const pb::ImageEvent& event) { display.Show(event); });
  return display.Finish(status, "built");
}

}  // namespace workmux::cli
