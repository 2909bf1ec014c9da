#include "cli/commands/sandbox_images.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "cli/commands/image_display.h"
#include "cli/commands/trust.h"
#include "cli/exit_code.h"
#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/base/unique_fd.h"
#include "common/io/file.h"
#include "workmux/control/v1/image.pb.h"

namespace workmux::cli {
namespace {

namespace pb = control::v1;

constexpr char kDockerfile[] = "Dockerfile.sandbox";
constexpr mode_t kFileMode = 0644;

absl::Status WriteNewFile(const std::filesystem::path& path, std::string_view content) {
  // O_EXCL: a link that stands there is not followed either, open(2).
  UniqueFd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, kFileMode));
  if (!file.valid() && errno == EEXIST) {
    return WithHint(AlreadyExists("{} exists", path.filename().string()),
                    "move it away, or replace it with --force");
  }
  if (!file.valid()) return ErrnoStatus(errno, path.native());
  while (!content.empty()) {
    const ssize_t n = ::write(file.get(), content.data(), content.size());
    if (n < 0 && errno != EINTR) return ErrnoStatus(errno, path.native());
    if (n > 0) content.remove_prefix(static_cast<std::size_t>(n));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<int> RunSandboxPull(const SandboxPullOptions& options, const CommandEnv& env) {
  pb::PullImageRequest request;
  WM_RETURN_IF_ERROR(FillContext(env.invocation, *request.mutable_context()));
  WM_RETURN_IF_ERROR(CheckUtf8(options.image, "the image's name"));
  request.set_agent(options.agent);
  request.set_image(options.image);
  return RetryAfterTrust(env, [&] {
    ImageDisplay display("Pulling", env);
    const absl::Status status =
        env.daemon.PullImage(request, [&](const pb::ImageEvent& event) { display.Show(event); });
    return display.Finish(status, "up to date");
  });
}

absl::StatusOr<int> RunSandboxBuild(const SandboxBuildOptions& options, const CommandEnv& env) {
  pb::BuildImageRequest request;
  WM_RETURN_IF_ERROR(FillContext(env.invocation, *request.mutable_context()));
  WM_RETURN_IF_ERROR(CheckUtf8(options.image, "the image's name"));
  request.set_agent(options.agent);
  request.set_image(options.image);
  request.set_from(options.from);
  request.set_agent_version(options.agent_version);
  request.set_no_cache(options.no_cache);
  return RetryAfterTrust(env, [&] {
    ImageDisplay display("Building", env);
    const absl::Status status =
        env.daemon.BuildImage(request, [&](const pb::ImageEvent& event) { display.Show(event); });
    return display.Finish(status, "built");
  });
}

absl::StatusOr<int> RunInitDockerfile(const InitDockerfileOptions& options, const CommandEnv& env) {
  pb::GetDockerfileRequest request;
  WM_RETURN_IF_ERROR(FillContext(env.invocation, *request.mutable_context()));
  request.set_agent(options.agent);
  WM_ASSIGN_OR_RETURN(const pb::GetDockerfileResponse answer,
                      RetryAfterTrust(env, [&] { return env.daemon.GetDockerfile(request); }));
  const std::filesystem::path path = env.invocation.cwd / kDockerfile;
  // A rename puts the new file in a link's place, not into what it names.
  WM_RETURN_IF_ERROR(options.force ? WriteFileAtomically(path, answer.content(), kFileMode)
                                   : WriteNewFile(path, answer.content()));
  env.terminal.Out(Format("wrote {} for {}\n", kDockerfile, Printable(answer.agent())));
  return kExitOk;
}

}  // namespace workmux::cli
