#include "cli/commands/demo.h"

#include <chrono>
#include <utility>

#include "cli/client/session_signals.h"
#include "cli/commands/demo_run.h"
#include "cli/exit_code.h"
#include "common/base/status.h"
#include "common/base/strings.h"

namespace workmux::cli {
namespace {

// Whether the terminal's locale is one of UTF-8, setlocale(3).
bool IsUtf8Locale(const Env& env) {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const auto found = env.find(name);
    if (found == env.end() || found->second.empty()) continue;
    const std::string& value = found->second;
    return value.find("UTF-8") != std::string::npos || value.find("utf8") != std::string::npos;
  }
  return false;
}

class Printer {
 public:
  Printer(Terminal& terminal, const Env& env)
      : terminal_(terminal),
        utf8_(IsUtf8Locale(env)),
        color_(terminal.color() && terminal.out_is_tty()) {}

  void Line(const std::string& text) { terminal_.Out(PrintableLines(text) + "\n"); }
  void Gap() { terminal_.Out("\n"); }

  // True when all of them are met.
  bool Show(const std::string& title, const std::vector<Expectation>& expectations) {
    terminal_.Out("\n" + title + "\n");
    bool all = true;
    for (const Expectation& expectation : expectations) {
      all = all && expectation.met;
      terminal_.Out(Format("  {} {}: {}\n", Mark(expectation.met), expectation.claim,
                           Printable(expectation.reason)));
    }
    return all;
  }

 private:
  std::string Mark(bool met) const {
    const std::string mark = utf8_ ? (met ? "✓" : "✗") : (met ? "ok" : "FAIL");
    if (!color_) return mark;
    return (met ? "\x1b[32m" : "\x1b[31m") + mark + "\x1b[0m";
  }

  Terminal& terminal_;
  bool utf8_;
  bool color_;
};

absl::StatusOr<bool> Perform(DemoRun& run, Printer& printer) {
  WM_ASSIGN_OR_RETURN(const DemoEvidence evidence, run.WatchAgentAtWork());
  bool good = printer.Show("What the agent could do", JudgeWhatItCould(evidence));
  good =
      printer.Show("What it could not do, though it tried", JudgeWhatItCouldNot(evidence)) && good;
  WM_ASSIGN_OR_RETURN(const auto merged, run.Merge());
  return printer.Show("Back on the host", merged) && good;
}

}  // namespace

absl::StatusOr<int> RunDemo(const DemoOptions& options, const CommandEnv& env) {
  if (options.backend == "container" && options.image.empty()) {
    return WithHint(InvalidArgument("the container backend needs an image"),
                    "name one with --image that has a shell, git and setsid");
  }
  WM_RETURN_IF_ERROR(CheckUtf8(options.backend, "the backend's name"));
  WM_RETURN_IF_ERROR(CheckUtf8(options.image, "the image's name"));
  SessionSignals signals;
  const SignalStop stop(signals);
  Printer printer(env.terminal, env.invocation.env);
  auto world = DemoWorld::Create(options, env.invocation, stop.token());
  if (!world.ok()) return world.status();
  printer.Line(Format("demonstration in {}, backend {}", world->root().string(), options.backend));
  absl::StatusOr<bool> performed = false;
  {
    DemoRun run(*world, stop.token(), [&](const std::string& line) {
      if (line.starts_with('$')) printer.Gap();
      printer.Line(line);
    });
    performed = Perform(run, printer);
  }
  const bool interrupted = stop.token().stop_requested();
  const bool clean = printer.Show("Afterwards", world->Teardown());
  if (interrupted) return Cancelled("interrupted");
  if (!performed.ok()) return performed.status();
  const bool good = *performed && clean;
  printer.Gap();
  printer.Line(good ? "Everything went as claimed." : "Not everything went as claimed.");
  return good ? kExitOk : kExitFailed;
}

}  // namespace workmux::cli
