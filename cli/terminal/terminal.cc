#include "cli/terminal/terminal.h"

#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "common/base/status.h"
#include "common/base/strings.h"

namespace workmux::cli {
namespace {

constexpr std::size_t kMaxAnswer = 256;

// https://no-color.org: set and not empty.
bool WantsColor(const Env& env) {
  const auto found = env.find("NO_COLOR");
  return found == env.end() || found->second.empty();
}

// Lets SIGINT through on this thread, for a caller that has it blocked.
class Interruptible {
 public:
  Interruptible() {
    sigset_t interrupt;
    ::sigemptyset(&interrupt);
    ::sigaddset(&interrupt, SIGINT);
    ::pthread_sigmask(SIG_UNBLOCK, &interrupt, &previous_);
  }
  ~Interruptible() { ::pthread_sigmask(SIG_SETMASK, &previous_, nullptr); }
  Interruptible(const Interruptible&) = delete;
  Interruptible& operator=(const Interruptible&) = delete;

 private:
  sigset_t previous_;
};

}  // namespace

Terminal::Terminal(int in, int out, int err, const Env& env)
    : in_(in),
      out_(out),
      err_(err),
      in_tty_(::isatty(in) == 1),
      out_tty_(::isatty(out) == 1),
      err_tty_(::isatty(err) == 1),
      color_(err_tty_ && WantsColor(env)) {}

void Terminal::Write(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(fd, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(n));
  }
}

absl::StatusOr<std::string> Terminal::Ask(std::string_view question) {
  Err(Format("{} ", question));
  const Interruptible interruptible;
  std::string answer;
  while (true) {
    char c = 0;
    const ssize_t n = ::read(in_, &c, 1);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0 && answer.empty()) {
      Err("\n");
      return Cancelled("no answer");
    }
    if (n <= 0 || c == '\n') break;
    if (answer.size() < kMaxAnswer) answer += c;
  }
  return std::string(Trim(answer));
}

absl::StatusOr<bool> Terminal::Confirm(std::string_view question) {
  const absl::StatusOr<std::string> answer = Ask(Format("{} [y/N]", question));
  if (!answer.ok()) return answer.status();
  const std::string_view word = *answer;
  return word == "y" || word == "Y" || word == "yes" || word == "Yes";
}

void Terminal::PrintError(const absl::Status& status) {
  std::string text = Format("workmux: {}\n", PrintableLines(MessageOf(status)));
  const std::string hint = HintOf(status);
  if (!hint.empty()) text += Format("hint: {}\n", Printable(hint));
  Err(text);
}

void Terminal::PrintWarning(std::string_view message) {
  Err(Format("workmux: warning: {}\n", PrintableLines(message)));
}

std::string PrintableLines(std::string_view text) {
  std::string result;
  for (const std::string& line : SplitLines(text)) {
    if (!result.empty()) result += '\n';
    bool first = true;
    for (const std::string& cell : Split(line, '\t')) {
      if (!first) result += '\t';
      first = false;
      result += Printable(cell);
    }
  }
  return result;
}

}  // namespace workmux::cli
