#pragma once

#include <asio/any_io_executor.hpp>
#include <asio/awaitable.hpp>
#include <asio/thread_pool.hpp>

#include <chrono>
#include <cstddef>
#include <map>
#include <stop_token>
#include <string>

#include <absl/status/statusor.h>

#include "common/base/secret.h"
#include "common/process/command_runner.h"
#include "daemon/egress/credential_rule.h"

namespace workmux::broker {

// Reads the secrets of credential rules, on threads of its own, and keeps each for
// `kept`: long enough for a burst of requests, short enough for a changed one to be taken
// up. Used on one thread, but for what its own do.
class SecretSource {
 public:
  struct Limits {
    std::chrono::milliseconds kept{60'000};
    std::chrono::milliseconds command{10'000};
    std::size_t length = 16 * 1024;  // bytes
  };
  // `runner` is used on the threads.
  explicit SecretSource(CommandRunner& runner) : SecretSource(runner, Limits()) {}
  SecretSource(CommandRunner& runner, const Limits& limits);
  ~SecretSource();

  // Errors say what is wrong with the file (not there, empty, longer than the limit,
  // somebody else's, open to others) or the command, and never what was in it; a value
  // that no header can have (RFC 9110 5.5) is one too.
  asio::awaitable<absl::StatusOr<Secret>> Read(const egress::CredentialRule& rule);
  // Ends commands that run and waits for the threads, while the loop of those that read
  // is still there and none of them begins to; later ones get kCancelled. From any thread.
  void Stop();

 private:
  struct Known {
    Secret secret;
    std::chrono::steady_clock::time_point since;
  };
  CommandRunner& runner_;
  const Limits limits_;
  std::map<std::string, Known> known_;  // by source
  std::stop_source stop_;
  asio::thread_pool threads_;
};

}  // namespace workmux::broker
