// What a hostile program does in a sandbox. Static, so that it runs in every image.

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>
#include <string_view>
#include <vector>

#include "tests/attacks/attacker/datagrams.h"
#include "tests/attacks/attacker/direct.h"
#include "tests/attacks/attacker/proxy_talk.h"
#include "tests/attacks/attacker/sockets.h"

namespace {

// The host reads it, also when this program stands still for ever.
struct Counters {
  volatile std::uint64_t rounds;
  volatile std::uint64_t hits;
};

Counters* MapCounters(const char* path) {
  const int fd = ::open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0 || ::ftruncate(fd, sizeof(Counters)) != 0) return nullptr;
  void* map = ::mmap(nullptr, sizeof(Counters), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  return map == MAP_FAILED ? nullptr : static_cast<Counters*>(map);
}

bool Shows(const char* path, std::string_view secret) {
  const int fd = ::open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) return false;
  char buffer[4096];
  const ssize_t n = ::read(fd, buffer, sizeof buffer);
  ::close(fd);
  return n > 0 && std::string_view(buffer, static_cast<std::size_t>(n)).find(secret) !=
                      std::string_view::npos;
}

// poll COUNTERS SECRET PATH…: reads the paths for ever, and counts the rounds and
// how often one of them showed the secret.
int Poll(int argc, char** argv) {
  Counters* counters = argc < 4 ? nullptr : MapCounters(argv[1]);
  if (counters == nullptr) return 2;
  for (;;) {
    for (int i = 3; i < argc; ++i) {
      if (Shows(argv[i], argv[2])) counters->hits = counters->hits + 1;
    }
    counters->rounds = counters->rounds + 1;
  }
}

// inject TEXT: types the text into every terminal that it can name (tty_ioctl(4),
// ioctl_console(2)), and prints how many of the ways were open.
int Inject(int argc, char** argv) {
  if (argc < 2) return 2;
  const std::string text = std::string(argv[1]) + "\n";
  int open_ways = 0;
  std::vector<int> terminals = {0, 1, 2};
  for (const char* path : {"/dev/tty", "/dev/console", "/proc/self/fd/0"}) {
    const int fd = ::open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (fd >= 0) terminals.push_back(fd);
  }
  for (const int fd : terminals) {
    bool typed = true;
    for (const char c : text) typed = ::ioctl(fd, TIOCSTI, &c) == 0 && typed;
    open_ways += typed ? 1 : 0;
    // The same number with bits set above the 32 that the kernel looks at.
    typed = true;
    for (const char c : text)
      typed = ::ioctl(fd, (std::uint64_t{1} << 32) | TIOCSTI, &c) == 0 && typed;
    open_ways += typed ? 1 : 0;
    char paste = 3;  // TIOCL_PASTESEL
    open_ways += ::ioctl(fd, TIOCLINUX, &paste) == 0 ? 1 : 0;
  }
  std::printf("%d ways\n", open_ways);
  return 0;
}

// Leaves its parent, its session and its process group, and cannot be asked to end.
void Hide() {
  if (::fork() != 0) ::_exit(0);
  ::setsid();
  if (::fork() != 0) ::_exit(0);
  for (int number = 1; number < NSIG; ++number) std::signal(number, SIG_IGN);
  std::signal(SIGCHLD, SIG_DFL);
  if (::chdir("/") != 0) ::_exit(1);
  for (int fd = 0; fd < 64; ++fd) ::close(fd);
}

// survive MARK STOP: hides one process that waits, and one that for ever is a new
// one. They end when the file STOP appears, and after ten minutes.
int Survive(int argc, char** argv) {
  if (argc < 3) return 2;
  const char* stop = argv[2];
  const std::time_t end = std::time(nullptr) + 600;
  const auto may_live = [&] { return ::access(stop, F_OK) != 0 && std::time(nullptr) < end; };
  if (::fork() == 0) {
    Hide();
    while (may_live()) ::usleep(20000);
    ::_exit(0);
  }
  if (::fork() == 0) {
    Hide();
    while (may_live()) {
      if (::fork() > 0) ::_exit(0);
      ::usleep(5000);
    }
    ::_exit(0);
  }
  std::puts("hidden");
  std::fflush(stdout);
  while (may_live()) ::usleep(20000);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view verb = argc > 1 ? argv[1] : "";
  if (verb == "poll") return Poll(argc - 1, argv + 1);
  if (verb == "inject") return Inject(argc - 1, argv + 1);
  if (verb == "survive") return Survive(argc - 1, argv + 1);
  if (verb == "families") return TryFamilies();
  if (verb == "reach") return TryReach(argc - 1, argv + 1);
  if (verb == "abstract") return TryAbstract(argc - 1, argv + 1);
  if (verb == "echo") return TryEcho(argc - 1, argv + 1);
  if (verb == "sweep") return TrySweep(argc - 1, argv + 1);
  if (verb == "send") return TrySend(argc - 1, argv + 1);
  if (verb == "dns") return TryOwnDatagram(argc - 1, argv + 1);
  if (verb == "raw") return TryRaw();
  if (verb == "ask") return TryAsk(argc - 1, argv + 1);
  if (verb == "ping") return TryPing(argc - 1, argv + 1);
  if (verb == "scan") return TryScan(argc - 1, argv + 1);
  if (verb == "say") return SayToProxy();
  if (verb == "tunnel") return SayInTunnel(argc - 1, argv + 1);
  return 2;
}
