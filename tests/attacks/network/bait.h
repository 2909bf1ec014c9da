#pragma once

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "common/base/unique_fd.h"

namespace workmux::test {

// A service of the host that no restricted sandbox may reach: on every address of it, by
// TCP and UDP, IPv4 and IPv6. It answers and counts.
class Bait {
 public:
  Bait();
  ~Bait();
  Bait(const Bait&) = delete;
  Bait& operator=(const Bait&) = delete;

  int port() const { return port_; }
  int reached() const { return connections_ + datagrams_; }

 private:
  void Serve(const std::stop_token& stop);

  UniqueFd tcp_;
  UniqueFd udp_;
  int port_ = 0;
  std::atomic<int> connections_ = 0;
  std::atomic<int> datagrams_ = 0;
  std::jthread thread_;  // last: it uses all of the above
};

// This host's IPv4 addresses but loopback.
std::vector<std::string> HostAddresses();

}  // namespace workmux::test
