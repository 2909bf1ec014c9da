#include "guest/first_process.h"

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

namespace workmux::guest {
namespace {

constexpr int kNotStarted = 125;
// What the kernel sends for a fault of this program's own.
constexpr int kFaults[] = {SIGFPE, SIGILL, SIGSEGV, SIGBUS, SIGABRT, SIGTRAP, SIGSYS};
// Of a process that speaks to the terminal from behind.
constexpr int kTerminal[] = {SIGTTIN, SIGTTOU};

int ShellCode(int status) {
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

// All that have ended; true when `command` is among them.
bool Reap(pid_t command, int& code) {
  bool ended = false;
  int status = 0;
  for (pid_t child = 0; (child = ::waitpid(-1, &status, WNOHANG)) > 0;) {
    if (child != command) continue;
    ended = true;
    code = ShellCode(status);
  }
  return ended;
}

}  // namespace

int RunAsFirst(char* const* command, int (*execute)(char* const* command)) {
  ::prctl(PR_SET_DUMPABLE, 0);
  sigset_t waited;
  sigset_t before;
  ::sigfillset(&waited);
  for (const int number : kFaults) ::sigdelset(&waited, number);
  for (const int number : kTerminal) {
    ::sigdelset(&waited, number);
    std::signal(number, SIG_IGN);
  }
  ::sigprocmask(SIG_SETMASK, &waited, &before);
  const pid_t child = ::fork();
  if (child < 0) return kNotStarted;
  if (child == 0) {
    // A foreground group of its own, so that Ctrl-C is its own too. Without a terminal
    // there is none to take.
    ::setpgid(0, 0);
    static_cast<void>(::tcsetpgrp(STDIN_FILENO, ::getpid()));
    for (const int number : kTerminal) std::signal(number, SIG_DFL);
    ::sigprocmask(SIG_SETMASK, &before, nullptr);
    ::_exit(execute(command));
  }
  int code = 0;
  for (;;) {
    const int number = ::sigwaitinfo(&waited, nullptr);
    if (number == SIGCHLD) {
      if (Reap(child, code)) return code;
    } else if (number > 0) {
      ::kill(child, number);
    } else if (errno != EINTR) {
      return kNotStarted;
    }
  }
}

}  // namespace workmux::guest
