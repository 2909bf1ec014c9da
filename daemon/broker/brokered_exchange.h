#pragma once

#include <asio/awaitable.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/ssl/stream.hpp>
#include <asio/steady_timer.hpp>

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "daemon/broker/answer_screen.h"
#include "daemon/broker/sandbox_broker.h"
#include "daemon/egress/request_head.h"

namespace workmux::broker {

// A connection of a sandbox to a host of a credential rule: TLS ends here on both sides,
// each request is read, checked and sent on with the host's secret in the place of what
// the sandbox sent; answers go back as they are, unless the secret is in one. Used on one
// thread, owned by shared_ptr.
class BrokeredExchange : public std::enable_shared_from_this<BrokeredExchange> {
 public:
  struct Limits {
    std::chrono::milliseconds handshake{10'000};  // of both sides
    std::chrono::milliseconds idle{600'000};      // without a byte either way
    std::chrono::milliseconds farewell{1'000};    // for what is said last
  };
  // A request was refused, or the connection ended, for one of decision.h's reasons.
  using RefusedFn = std::function<void(std::string_view why, std::string detail)>;

  // `hello`: what was read of `near`, the client's side, so far. The broker has a rule for
  // the host.
  BrokeredExchange(std::shared_ptr<const SandboxBroker> broker, const std::string& host,
                   const Limits& limits, asio::posix::stream_descriptor near, std::string hello,
                   asio::posix::stream_descriptor far, RefusedFn on_refused);

  // Ends when either side has, or a request was refused. Once.
  asio::awaitable<void> Run();
  // From outside: Run ends soon.
  void Cut();

  std::uint64_t bytes_up() const { return up_; }  // inside of TLS
  std::uint64_t bytes_down() const { return down_; }
  bool timed_out() const { return timed_out_; }

 private:
  using Side = asio::ssl::stream<asio::posix::stream_descriptor>;
  struct Refusal {
    int http_status;
    std::string_view why;
    std::string_view text;
    std::string detail;
  };
  // What ends the requests of a connection: nothing, when a side has ended it.
  using Outcome = std::optional<Refusal>;

  asio::awaitable<bool> Greet();
  asio::awaitable<Outcome> Prepare();
  asio::awaitable<Outcome> PassRequests();
  asio::awaitable<Outcome> PassRequest(const egress::RequestHead& head);
  Outcome Check(const egress::RequestHead& head) const;
  asio::awaitable<void> PassLength(std::uint64_t left);
  asio::awaitable<Outcome> PassChunks();
  asio::awaitable<bool> ReadMore();
  asio::awaitable<bool> Send(std::string_view bytes);
  asio::awaitable<void> PassAnswers();
  bool HasMore();
  asio::awaitable<void> Refuse(Refusal refusal);
  asio::awaitable<void> Linger();
  void Touch() { active_ = std::chrono::steady_clock::now(); }
  void WatchIdle();
  void CutAfter(std::chrono::milliseconds time);

  const std::shared_ptr<const SandboxBroker> broker_;
  const egress::CredentialRule& rule_;
  const Limits limits_;
  const RefusedFn on_refused_;
  Side near_;
  Side far_;
  asio::steady_timer timer_;
  asio::steady_timer answers_ended_;
  std::string received_;  // of the client, not yet passed on
  Secret secret_;         // the one in use
  AnswerScreen screen_;
  std::uint64_t up_ = 0;
  std::uint64_t down_ = 0;
  std::chrono::steady_clock::time_point active_;
  bool answers_over_ = true;
  bool refusing_ = false;
  bool failed_ = false;  // a side has
  bool unsent_ = false;  // the server took no more
  bool late_ = false;    // the time of CutAfter is over
  bool timed_out_ = false;
};

}  // namespace workmux::broker
