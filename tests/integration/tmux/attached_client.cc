#include "tests/integration/tmux/attached_client.h"

#include <pty.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>

namespace workmux::test {

AttachedClient::AttachedClient(const std::string& socket, const std::string& session) {
  winsize size{};
  size.ws_row = 48;
  size.ws_col = 160;
  pid_ = ::forkpty(&fd_, nullptr, nullptr, &size);
  if (pid_ == 0) {
    ::setenv("TERM", "xterm-256color", 1);
    ::unsetenv("TMUX");
    ::execlp("tmux", "tmux", "-u", "-S", socket.c_str(), "attach-session", "-t", session.c_str(),
             nullptr);
    ::_exit(127);
  }
  reader_ = std::thread([this] {
    std::array<char, 4096> buffer;
    for (ssize_t n = 0; (n = ::read(fd_, buffer.data(), buffer.size())) > 0;) {
      MutexLock lock(mu_);
      output_.append(buffer.data(), static_cast<std::size_t>(n));
    }
  });
}

AttachedClient::~AttachedClient() {
  ::kill(pid_, SIGTERM);
  ::waitpid(pid_, nullptr, 0);
  reader_.join();
  ::close(fd_);
}

void AttachedClient::Type(std::string_view bytes) const {
  if (::write(fd_, bytes.data(), bytes.size()) < 0) ::perror("write");
}

std::string AttachedClient::Output() {
  MutexLock lock(mu_);
  return output_;
}

}  // namespace workmux::test
