#include "daemon/adapters/container/engine_client.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "common/base/ascii_case.h"
#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/process/posix_command_runner.h"
#include "daemon/adapters/container/option_errors.h"

namespace workmux::daemon {
namespace {

// docker(1), podman(1), containers.conf(5), containers-storage.conf(5), "Environment
// variables". SSH_AUTH_SOCK is for ssh:// engines.
constexpr auto kNames = std::to_array<std::string_view>(
    {"PATH", "HOME", "DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "DOCKER_TLS_VERIFY",
     "DOCKER_CERT_PATH", "DOCKER_API_VERSION", "CONTAINER_HOST", "CONTAINER_CONNECTION",
     "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "SSH_AUTH_SOCK", "REGISTRY_AUTH_FILE",
     "CONTAINERS_CONF", "CONTAINERS_REGISTRIES_CONF", "CONTAINERS_STORAGE_CONF"});

bool Contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

constexpr std::size_t kShownLines = 3;

}  // namespace

Env ClientEnvironment(const Env& environment) {
  Env env;
  for (const std::string_view name : kNames) {
    const auto found = environment.find(name);
    if (found != environment.end()) env.insert(*found);
  }
  env["LC_ALL"] = "C.UTF-8";
  return env;
}

EngineClient::EngineClient(CommandRunner& runner, RuntimeTraits traits, const Env& environment)
    : runner_(runner), traits_(traits), env_(ClientEnvironment(environment)) {}

bool EngineClient::IsInstalled() const { return FindProgram(traits_.program, env_).ok(); }

Command EngineClient::CommandOf(EngineCall call) const {
  Command command;
  command.argv = std::move(call.argv);
  command.cwd = "/";
  command.env = std::move(call.env);
  // The client's own variables win: a sandbox's value never reaches the client.
  for (const auto& [name, value] : env_) command.env[name] = value;
  command.files = std::move(call.files);
  command.stdin_data = std::move(call.input);
  command.terminal_output = call.terminal;
  return command;
}

absl::Status EngineClient::NotRun(const absl::Status& why) const {
  if (absl::IsNotFound(why)) {
    return WithHint(WithReason(FailedPrecondition("{} is not installed", traits_.program),
                               "RUNTIME_NOT_INSTALLED"),
                    traits_.install_hint);
  }
  if (absl::IsDeadlineExceeded(why)) {
    return WithHint(WithReason(Unavailable("the {} engine does not answer", traits_.name),
                               "RUNTIME_UNREACHABLE"),
                    Format("Check `{} info`.", traits_.program));
  }
  return why;
}

absl::StatusOr<std::string> EngineClient::Run(EngineCall call, std::stop_token stop,
                                              std::chrono::milliseconds timeout) const {
  RunOptions options;
  options.stop = std::move(stop);
  options.timeout = timeout;
  absl::StatusOr<CommandResult> result = runner_.Run(CommandOf(std::move(call)), options);
  if (!result.ok()) return NotRun(result.status());
  if (!result->exit.ok()) return Explain(result->err);
  return std::move(result->out);
}

absl::StatusOr<ExitStatus> EngineClient::Stream(EngineCall call, std::stop_token stop,
                                                std::chrono::milliseconds timeout,
                                                OutputFn on_output) const {
  RunOptions options;
  options.stop = std::move(stop);
  options.timeout = timeout;
  absl::StatusOr<ExitStatus> exit = runner_.Stream(CommandOf(std::move(call)), options, on_output);
  if (!exit.ok()) return NotRun(exit.status());
  return exit;
}

absl::StatusOr<std::string> EngineClient::Run(std::vector<std::string> arguments) const {
  EngineCall call;
  call.argv = {std::string(traits_.program)};
  for (std::string& argument : arguments) call.argv.push_back(std::move(argument));
  return Run(std::move(call), std::stop_token());
}

// The clients give exit code 1 or 125 for everything: only their words tell.
absl::Status EngineClient::Explain(std::string_view output) const {
  const std::string said = LastLines(output, kShownLines);
  const std::string lower = LowerAscii(said);
  if (Contains(lower, "permission denied") && Contains(lower, "connect to the docker daemon")) {
    return WithHint(
        WithReason(Unavailable("no permission to use the {} engine", traits_.name),
                   "RUNTIME_UNREACHABLE"),
        "Add your user to the docker group and log in again, or use a rootless engine.");
  }
  if (Contains(lower, "cannot connect to the docker daemon") ||
      Contains(lower, "is the docker daemon running") ||
      Contains(lower, "failed to connect to the docker api") ||
      Contains(lower, "unable to connect to podman")) {
    return WithHint(WithReason(Unavailable("the {} engine is not running", traits_.name),
                               "RUNTIME_UNREACHABLE"),
                    Format("Start the engine and check `{} info`.", traits_.program));
  }
  if (Contains(lower, "no such image") || Contains(lower, "image not known")) {
    return WithHint(
        WithReason(NotFound("the image is not on this machine: {}", said), "IMAGE_NOT_FOUND"),
        Format("Make it with `{} build` or get it with `workmux sandbox pull`, or set "
               "sandbox.image.",
               traits_.program));
  }
  // swift-argument-parser's words; the flags came with 1.2.1 of apple/container.
  if (traits_.only_macos && Contains(lower, "unknown option")) {
    return WithHint(
        WithReason(FailedPrecondition("{}: {}", traits_.program, said), "RUNTIME_INCOMPLETE"),
        "Install a newer `container`: sandboxes need --read-only-path and --masked-path.");
  }
  // podman-create(1), --init: the program comes in a package of its own.
  if (Contains(lower, "container-init binary not found")) {
    return WithHint(WithReason(FailedPrecondition("{} misses its init program", traits_.name),
                               "RUNTIME_INCOMPLETE"),
                    "Install catatonit.");
  }
  const bool apple_unknown = traits_.only_macos && Contains(lower, "not found");
  if (apple_unknown || Contains(lower, "no such container") ||
      Contains(lower, "no container with")) {
    return WithReason(NotFound("{}", said), "CONTAINER_NOT_FOUND");
  }
  if (Contains(lower, "is already in use"))
    return WithReason(AlreadyExists("{}", said), "CONTAINER_EXISTS");
  if (Contains(lower, "bind source path does not exist")) {
    return WithHint(WithReason(FailedPrecondition("{}", said), "MOUNT_SOURCE_MISSING"),
                    "Create the directory or remove its entry from extra_mounts.");
  }
  if (!OptionInQuestion(said).empty()) {
    return WithHint(WithReason(FailedPrecondition("{}", NameOption(said)), "OPTION_REFUSED"),
                    "Correct this key of the global configuration, or remove it.");
  }
  return WithReason(Internal("{}: {}", traits_.program, said), "RUNTIME_FAILED");
}

}  // namespace workmux::daemon
