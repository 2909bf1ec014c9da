#pragma once

#include <asio/any_io_executor.hpp>
#include <asio/awaitable.hpp>
#include <asio/steady_timer.hpp>
#include <asio/thread_pool.hpp>

#include <chrono>
#include <cstddef>
#include <map>
#include <memory>
#include <stop_token>
#include <string>

#include <absl/status/statusor.h>

#include "common/base/secret.h"
#include "common/process/command_runner.h"
#include "daemon/egress/credential_rule.h"

namespace workmux::broker {

// Reads the secrets of credential rules, on threads of its own, and keeps each for
// `kept`: long enough for a burst of requests, short enough for a changed one to be taken
// up. Those who ask for one that is being read share what comes of it: however many
// requests there are, a command runs once at a time. Used on one thread, but for what its
// own do.
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
  struct Reading {
    explicit Reading(const asio::any_io_executor& executor)
        : ended(executor, asio::steady_timer::time_point::max()) {}
    asio::steady_timer ended;
    absl::StatusOr<Secret> secret = Secret();
  };
  asio::awaitable<absl::StatusOr<Secret>> ReadAnew(const egress::CredentialRule& rule);

  CommandRunner& runner_;
  const Limits limits_;
  std::map<std::string, Known> known_;  // by source
  // The same; owned by those who wait, whose loop may end before this does.
  std::map<std::string, std::weak_ptr<Reading>> readings_;
  std::stop_source stop_;
  asio::thread_pool threads_;
};

}  // namespace workmux::broker
