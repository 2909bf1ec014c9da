#pragma once

#include <sys/types.h>
#include <termios.h>

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "common/base/mutex.h"
#include "common/base/unique_fd.h"

namespace workmux::test {

// The real `workmux` in a session of its own, on pipes or on a pseudo-terminal
// that is its controlling one.
class CliProcess {
 public:
  struct Options {
    std::vector<std::string> arguments;
    std::map<std::string, std::string> env;  // all of it but PATH
    std::filesystem::path cwd = "/";
    bool tty = false;
  };
  explicit CliProcess(const Options& options);
  ~CliProcess();
  CliProcess(const CliProcess&) = delete;
  CliProcess& operator=(const CliProcess&) = delete;

  void Signal(int number) const;
  void Type(const std::string& text) const;
  std::string out() const;  // with a terminal: both streams
  std::string err() const;
  // As a shell would report it; -1 when it did not end within 20 s.
  int Wait();
  termios modes() const;  // of the pseudo-terminal

 private:
  void Read(int fd, std::string& into);

  pid_t pid_ = -1;
  std::optional<int> code_;
  UniqueFd terminal_;
  UniqueFd slave_;  // kept open, or the modes would go with the last user
  UniqueFd out_fd_;
  UniqueFd err_fd_;
  mutable Mutex mu_;
  std::string out_ WM_GUARDED_BY(mu_);
  std::string err_ WM_GUARDED_BY(mu_);
  std::vector<std::thread> readers_;
};

}  // namespace workmux::test
