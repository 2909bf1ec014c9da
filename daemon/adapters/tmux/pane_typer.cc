#include "daemon/adapters/tmux/pane_typer.h"

#include <fcntl.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "common/base/status.h"
#include "common/base/unique_fd.h"
#include "common/log/log.h"

namespace workmux::daemon {
namespace {

using std::chrono::milliseconds;
using SteadyClock = std::chrono::steady_clock;

constexpr milliseconds kLongestWait{10'000};
constexpr milliseconds kWaitWithoutEditor{150};
constexpr milliseconds kSlowestPoll{20};
// Between the terminal's mode and the shell's request for bracketed paste, which
// tmux must have read.
constexpr milliseconds kBracketDelay{40};

bool HasLineEditor(std::string_view shell) {
  constexpr auto kShells = std::to_array<std::string_view>(
      {"bash", "zsh", "fish", "ksh", "ksh93", "mksh", "tcsh", "csh", "nu", "elvish", "xonsh"});
  const std::string_view name = shell.substr(shell.rfind('/') + 1);
  return name.empty() || std::find(kShells.begin(), kShells.end(), name) != kShells.end();
}

enum class TtyState { kCanonical, kEditing, kGone };

// The terminal is open for a moment only: held longer, tmux would not see its
// last user leave.
TtyState StateOf(const std::filesystem::path& tty) {
  const UniqueFd fd(::open(tty.c_str(), O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC));
  termios modes{};
  if (!fd.valid() || ::tcgetattr(fd.get(), &modes) != 0) return TtyState::kGone;
  return (modes.c_lflag & ICANON) != 0 ? TtyState::kCanonical : TtyState::kEditing;
}

bool HasControls(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7F;
  });
}

}  // namespace

PaneTyper::PaneTyper(TmuxConnection& connection, TaskThread& thread)
    : connection_(connection), thread_(thread) {}

void PaneTyper::Type(std::string pane_id, std::filesystem::path tty, const std::string& shell,
                     std::string text) {
  const auto job = std::make_shared<Job>();
  job->pane_id = std::move(pane_id);
  job->tty = std::move(tty);
  job->text = std::move(text);
  job->give_up = SteadyClock::now() + (HasLineEditor(shell) ? kLongestWait : kWaitWithoutEditor);
  {
    MutexLock lock(mu_);
    pending_[job->pane_id] = job;
  }
  thread_.PostAfter(job->delay, [this, job] { Step(job); });
}

void PaneTyper::Step(const std::shared_ptr<Job>& job) {
  const TtyState state = StateOf(job->tty);
  if (state == TtyState::kCanonical && SteadyClock::now() < job->give_up) {
    job->delay = std::min(job->delay * 2, kSlowestPoll);
    thread_.PostAfter(job->delay, [this, job] { Step(job); });
    return;
  }
  const auto finish = [this, job, state] {
    {
      MutexLock lock(mu_);
      if (pending_.erase(job->pane_id) == 0) return;
    }
    if (state != TtyState::kGone) Send(*job);
  };
  if (state == TtyState::kEditing && HasControls(job->text)) {
    thread_.PostAfter(kBracketDelay, finish);
  } else {
    finish();
  }
}

void PaneTyper::Flush() {
  std::map<std::string, std::shared_ptr<Job>> jobs;
  {
    MutexLock lock(mu_);
    jobs.swap(pending_);
  }
  for (const auto& [pane, job] : jobs) Send(*job);
}

void PaneTyper::Send(const Job& job) {
  // A paste goes to this pane only, even with synchronize-panes; the final
  // carriage return is a paste of its own, since none within brackets runs a line.
  const std::string buffer = "workmux-" + job.pane_id.substr(1);
  TmuxCommand paste = {"paste-buffer", "-d", "-b", buffer, "-t", job.pane_id};
  TmuxCommand bracketed = paste;
  if (HasControls(job.text)) bracketed.insert(bracketed.begin() + 1, "-p");
  const auto typed = connection_.Call({{"set-buffer", "-b", buffer, "--", job.text},
                                       bracketed,
                                       {"set-buffer", "-b", buffer, "--", "\r"},
                                       paste});
  if (!typed.ok()) {
    LogWarning("tmux", Format("the command of pane {} was not typed: {}", job.pane_id,
                              MessageOf(typed.status())));
  }
}

}  // namespace workmux::daemon
