#include "daemon/adapters/container/client_output.h"

namespace workmux::daemon {

std::string PlainLine(std::string_view line) {
  std::string plain;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '\x1b' && i + 1 < line.size() && line[i + 1] == '[') {
      i += 2;
      while (i < line.size() && (line[i] < '@' || line[i] > '~')) ++i;
    } else {
      plain += line[i] >= 0 && line[i] < ' ' ? ' ' : line[i];
    }
  }
  plain.erase(plain.find_last_not_of(' ') + 1);
  return plain;
}

}  // namespace workmux::daemon
