#include "daemon/sys/random.h"

#include <sys/random.h>

#include <cerrno>
#include <cstdlib>
#include <vector>

namespace workmux::daemon {
namespace {

std::vector<unsigned char> RandomBytes(std::size_t count) {
  std::vector<unsigned char> bytes(count);
  std::size_t filled = 0;
  while (filled < count) {
    const ssize_t n = ::getrandom(bytes.data() + filled, count - filled, 0);
    if (n < 0 && errno == EINTR) continue;
    // Without randomness no token is safe: there is nothing sensible to go on with.
    if (n < 0) std::abort();
    filled += static_cast<std::size_t>(n);
  }
  return bytes;
}

}  // namespace

Secret RandomToken() {
  constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string text;
  unsigned bits = 0;
  unsigned count = 0;
  for (const unsigned char byte : RandomBytes(32)) {
    bits = (bits << 8u) | byte;
    count += 8;
    while (count >= 6) {
      count -= 6;
      text += kAlphabet[(bits >> count) & 63u];
    }
  }
  if (count > 0) text += kAlphabet[(bits << (6 - count)) & 63u];
  return Secret(std::move(text));
}

std::string RandomHex(std::size_t bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const unsigned char byte : RandomBytes(bytes)) {
    text += kDigits[byte >> 4u];
    text += kDigits[byte & 15u];
  }
  return text;
}

}  // namespace workmux::daemon
