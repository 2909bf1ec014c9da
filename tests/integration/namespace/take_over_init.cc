// Makes the first process of its pid namespace forget PR_SET_PDEATHSIG, by
// running that system call in it. Prints "taken" when it did.

#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>

int main() {
#if defined(__x86_64__)
  if (::ptrace(PTRACE_ATTACH, 1, nullptr, nullptr) != 0) {
    std::perror("attach");
    return 1;
  }
  ::waitpid(1, nullptr, __WALL);
  user_regs_struct saved = {};
  ::ptrace(PTRACE_GETREGS, 1, nullptr, &saved);
  user_regs_struct injected = saved;
  injected.rip -= 2;  // it waits in a call: the instruction before is `syscall`
  injected.rax = SYS_prctl;
  injected.orig_rax = ~0ull;  // nothing to restart
  injected.rdi = PR_SET_PDEATHSIG;
  injected.rsi = 0;
  ::ptrace(PTRACE_SETREGS, 1, nullptr, &injected);
  ::ptrace(PTRACE_SINGLESTEP, 1, nullptr, nullptr);
  ::waitpid(1, nullptr, __WALL);
  ::ptrace(PTRACE_GETREGS, 1, nullptr, &injected);
  saved.rip -= 2;
  saved.rax = saved.orig_rax;
  saved.orig_rax = ~0ull;
  ::ptrace(PTRACE_SETREGS, 1, nullptr, &saved);
  ::ptrace(PTRACE_DETACH, 1, nullptr, nullptr);
  std::puts(injected.rax == 0 ? "taken" : "failed");
  std::fflush(stdout);
  return injected.rax == 0 ? 0 : 1;
#else
  return 1;
#endif
}
