#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <thread>

#include "common/base/mutex.h"

namespace workmux::test {

// A person's terminal: `tmux attach` on a pseudo-terminal of 160 × 48.
class AttachedClient {
 public:
  AttachedClient(const std::string& socket, const std::string& session);
  ~AttachedClient();

  void Type(std::string_view bytes) const;
  void LoseFocus() const { Type("\x1b[O"); }
  void GainFocus() const { Type("\x1b[I"); }
  // Everything that the terminal was sent.
  std::string Output();

 private:
  int fd_ = -1;
  pid_t pid_ = -1;
  Mutex mu_;
  std::string output_;
  std::thread reader_;
};

}  // namespace workmux::test
