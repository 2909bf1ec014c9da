#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "common/base/unique_fd.h"

namespace workmux::guest {

struct RelayListener {
  UniqueFd socket;   // listens, non-blocking
  std::string path;  // the Unix socket that its connections are joined to
};

// Two descriptors each; daemons have limits of their own.
inline constexpr std::size_t kMostRelayed = 512;

// Joins each connection that a listener accepts to a new one to its Unix socket, until
// both directions have ended. Returns only when it cannot work at all. A connection is
// closed at once when the socket does not answer, and when `most` are open. One thread,
// no wake-up while nothing happens.
void ServeRelay(std::vector<RelayListener> listeners, std::size_t most = kMostRelayed);

}  // namespace workmux::guest
