#include <fcntl.h>
#include <unistd.h>

#include <array>

#include "common/base/unique_fd.h"
#include "guest/probe/collectors.h"

namespace workmux::guest {

bool ReadProcFile(const std::string& path, std::string& text) {
  constexpr std::size_t kMost = 4u << 20;
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  if (!file.valid()) return false;
  text.clear();
  std::array<char, 16384> part;
  while (text.size() <= kMost) {
    const ssize_t got = ::read(file.get(), part.data(), part.size());
    if (got < 0) return false;
    if (got == 0) return true;
    text.append(part.data(), static_cast<std::size_t>(got));
  }
  return false;
}

}  // namespace workmux::guest
