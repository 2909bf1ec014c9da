#include "daemon/domain/hook_runner.h"

#include <array>

#include "common/base/status.h"
#include "common/base/strings.h"

namespace workmux::daemon {
namespace {

// A hook has no time limit: `npm ci` may take as long as it takes. The runner
// wants a number, so it gets one that no person waits for.
constexpr std::chrono::hours kNoLimit{24 * 7};
// A line that never ends is handed on in pieces.
constexpr std::size_t kMaxLine = 64u << 10;
constexpr std::size_t kShownCommand = 120;

// Set when workmux was called from a git hook; they would send the hook's git to
// another repository than the one it stands in (git(1), environment variables).
constexpr std::array<std::string_view, 6> kRedirectingGit = {
    "GIT_DIR",        "GIT_WORK_TREE", "GIT_INDEX_FILE",
    "GIT_COMMON_DIR", "GIT_PREFIX",    "GIT_OBJECT_DIRECTORY"};

class LineSplitter {
 public:
  LineSplitter(ProgressSink& progress, bool is_stderr)
      : progress_(progress), is_stderr_(is_stderr) {}

  void Add(std::string_view data) {
    while (!data.empty()) {
      const auto at = data.find('\n');
      pending_ += data.substr(0, at);
      if (at != std::string_view::npos || pending_.size() >= kMaxLine) Flush();
      if (at == std::string_view::npos) return;
      data.remove_prefix(at + 1);
    }
  }
  void Finish() {
    if (!pending_.empty()) Flush();
  }

 private:
  void Flush() {
    if (pending_.ends_with('\r')) pending_.pop_back();
    progress_.Output(pending_, is_stderr_);
    pending_.clear();
  }

  ProgressSink& progress_;
  bool is_stderr_;
  std::string pending_;
};

std::string Shown(const std::string& command) {
  const std::string first = Printable(command.substr(0, kShownCommand));
  return command.size() > kShownCommand ? first + "…" : first;
}

}  // namespace

absl::Status RunHooks(CommandRunner& runner, const HookRun& run, ProgressSink& progress,
                      std::stop_token stop) {
  Env env = run.env;
  for (const std::string_view name : kRedirectingGit) {
    if (const auto at = env.find(name); at != env.end()) env.erase(at);
  }
  for (const auto& [name, value] : run.variables) env[name] = value;
  env["PWD"] = run.cwd.string();

  for (const std::string& text : run.commands) {
    if (stop.stop_requested()) return Cancelled("{}: cancelled", run.hook);
    progress.Step(run.hook, Shown(text));
    const Command command{{"bash", "-c", text}, run.cwd, env, "", {}};
    RunOptions options;
    options.stop = stop;
    options.timeout = kNoLimit;
    LineSplitter out(progress, /*is_stderr=*/false);
    LineSplitter err(progress, /*is_stderr=*/true);
    const absl::StatusOr<ExitStatus> exit =
        runner.Stream(command, options, [&](StdStream stream, std::string_view data) {
          (stream == StdStream::kOut ? out : err).Add(data);
        });
    out.Finish();
    err.Finish();
    if (!exit.ok()) return Annotate(exit.status(), Format("{} hook '{}'", run.hook, Shown(text)));
    if (exit->ok()) continue;
    const std::string how = exit->signal != 0 ? Format("was ended by signal {}", exit->signal)
                                              : Format("ended with code {}", exit->code);
    return WithHint(
        WithReason(FailedPrecondition("the {} hook '{}' {}", run.hook, Shown(text), how),
                   "HOOK_FAILED"),
        Format("mend it in the configuration key {}, or pass --no-hooks", run.hook));
  }
  return absl::OkStatus();
}

}  // namespace workmux::daemon
