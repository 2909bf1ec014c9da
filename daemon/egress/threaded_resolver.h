#pragma once

#include <asio/any_io_executor.hpp>

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "daemon/egress/resolver.h"

namespace workmux::egress {

// getaddrinfo(3) in threads of its own, with the host's settings but for its search
// domains. One that hangs in the system's resolver keeps its thread and counts for its
// asker until it returns, so that a sandbox cannot take all threads. Answers are kept
// for a few seconds; how long they are valid the system does not say.
class ThreadedResolver : public Resolver {
 public:
  struct Limits {
    std::size_t threads = 32;  // as they are needed
    std::size_t waiting = 128;
    std::size_t each_asker = 8;  // lookups under way
    std::chrono::milliseconds time{3000};
    std::chrono::milliseconds kept{10'000};
    std::size_t names_kept = 1024;
  };
  using Addresses = absl::StatusOr<std::vector<asio::ip::address>>;
  // Blocking; called from many threads.
  using LookUpFn = Addresses (*)(const std::string& host);

  ThreadedResolver() : ThreadedResolver(Limits()) {}
  explicit ThreadedResolver(const Limits& limits, LookUpFn look_up = &LookUp);
  ~ThreadedResolver() override;

  asio::awaitable<Addresses> Resolve(std::string host, std::string asker) override;
  void Stop() override;

  // The system's answer: kNotFound, or kUnavailable when it could not be asked.
  static Addresses LookUp(const std::string& host);

 private:
  struct Workers;
  struct Lookup;
  void Forget();
  absl::StatusOr<std::shared_ptr<Lookup>> Begin(const asio::any_io_executor& executor,
                                                const std::string& host, const std::string& asker);

  const Limits limits_;
  const LookUpFn look_up_;
  std::shared_ptr<Workers> workers_;  // outlives us in threads that hang
  std::map<std::string, std::shared_ptr<Lookup>> lookups_;
  std::shared_ptr<std::map<std::string, std::size_t>> under_way_;  // by asker
};

}  // namespace workmux::egress
