#include "daemon/broker/brokered_exchange.h"

#include <openssl/bio.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/redirect_error.hpp>
#include <asio/ssl/error.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/write.hpp>

#include <algorithm>
#include <utility>

#include "common/base/status.h"
#include "common/base/strings.h"
#include "daemon/egress/chunked_body.h"
#include "daemon/egress/decision.h"
#include "daemon/egress/reply.h"

namespace workmux::broker {
namespace {

namespace reason = egress::reason;
using egress::RequestHead;
using egress::RequestParse;

constexpr std::size_t kChunk = 16384;          // a TLS record's, RFC 8446 5.1
constexpr std::size_t kMostUnread = 16 << 20;  // bytes of a refused request's body
// RFC 7301 6: length and name of each protocol.
constexpr unsigned char kHttp11[] = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};

// A request as the log shows it: a guest wrote it, and the query may hold anything.
std::string Described(const RequestHead& head) {
  constexpr std::size_t kShown = 200;
  return Printable(head.method + " " + head.target.substr(0, head.target.find('?')))
      .substr(0, kShown);
}

}  // namespace

BrokeredExchange::BrokeredExchange(std::shared_ptr<const SandboxBroker> broker,
                                   const std::string& host, const Limits& limits,
                                   asio::posix::stream_descriptor near, std::string hello,
                                   asio::posix::stream_descriptor far, RefusedFn on_refused)
    : broker_(std::move(broker)),
      rule_(*egress::FindCredential(broker_->rules, host)),
      limits_(limits),
      on_refused_(std::move(on_refused)),
      near_(std::move(near), *broker_->servers.at(host)),
      far_(std::move(far), *broker_->client),
      timer_(near_.get_executor()),
      answers_ended_(near_.get_executor()),
      received_(std::move(hello)) {}

void BrokeredExchange::Cut() {
  asio::error_code ignored;
  near_.next_layer().close(ignored);
  far_.next_layer().close(ignored);
  timer_.cancel();
}

void BrokeredExchange::CutAfter(std::chrono::milliseconds time) {
  timer_.expires_after(time);
  timer_.async_wait([weak = weak_from_this()](const asio::error_code& error) {
    const auto self = error ? nullptr : weak.lock();
    if (!self) return;
    self->late_ = true;
    self->Cut();
  });
}

// As Joint's: the timer is not moved for each byte.
void BrokeredExchange::WatchIdle() {
  timer_.expires_at(active_ + limits_.idle);
  timer_.async_wait([weak = weak_from_this()](const asio::error_code& error) {
    const auto self = error ? nullptr : weak.lock();
    if (!self) return;
    if (self->active_ + self->limits_.idle > std::chrono::steady_clock::now())
      return self->WatchIdle();
    self->timed_out_ = true;
    self->Cut();
  });
}

asio::awaitable<void> BrokeredExchange::Run() {
  const auto self = shared_from_this();
  CutAfter(limits_.handshake);
  const bool greeted = co_await Greet();
  Outcome outcome;
  if (greeted) outcome = co_await Prepare();
  if (!near_.next_layer().is_open()) {  // it was cut, and not for what a side did
    if (late_) on_refused_(reason::kTooSlow, "handshake");
    co_return;
  }
  if (!greeted) co_return Cut();
  if (!outcome) {
    Touch();
    WatchIdle();
    answers_over_ = false;
    answers_ended_.expires_at(asio::steady_timer::time_point::max());
    asio::co_spawn(near_.get_executor(), PassAnswers(), asio::detached);
    outcome = co_await PassRequests();
  }
  if (outcome && near_.next_layer().is_open()) {
    co_await Refuse(*std::move(outcome));
  } else if (unsent_ && !answers_over_) {
    // Why it takes no more of a request a server says in an answer.
    CutAfter(limits_.farewell);
    asio::error_code ignored;
    co_await answers_ended_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
  Cut();
}

// The client's handshake, whose first message has been read.
asio::awaitable<bool> BrokeredExchange::Greet() {
  asio::error_code error;
  const std::size_t used = co_await near_.async_handshake(
      Side::server, asio::buffer(received_), asio::redirect_error(asio::use_awaitable, error));
  const bool whole = !error && used == received_.size();
  received_.clear();
  if (!whole && near_.next_layer().is_open())
    on_refused_(reason::kCertificateNotTaken, error ? error.message() : "early data");
  co_return whole;
}

// The server's, which must prove that it is the host before anything is said to it.
asio::awaitable<BrokeredExchange::Outcome> BrokeredExchange::Prepare() {
  SSL* ssl = far_.native_handle();
  SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  std::string name = rule_.host;
  // As SSL_set_tlsext_host_name(3), a macro that casts.
  const bool set =
      SSL_set1_host(ssl, name.c_str()) == 1 &&
      SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, name.data()) == 1 &&
      SSL_set_alpn_protos(ssl, kHttp11, sizeof kHttp11) == 0;
  asio::error_code error;
  if (set)
    co_await far_.async_handshake(Side::client, asio::redirect_error(asio::use_awaitable, error));
  if (set && !error) co_return std::nullopt;
  if (set && SSL_get_verify_result(ssl) == X509_V_OK) {
    co_return Refusal{502, reason::kNotConnected, "the server ended the connection",
                      error.message()};
  }
  co_return Refusal{502, reason::kNotVerified, "the server could not be verified",
                    set ? X509_verify_cert_error_string(SSL_get_verify_result(ssl)) : "no memory"};
}

asio::awaitable<bool> BrokeredExchange::ReadMore() {
  std::array<char, kChunk> buffer;
  asio::error_code error;
  const std::size_t got = co_await near_.async_read_some(
      asio::buffer(buffer), asio::redirect_error(asio::use_awaitable, error));
  received_.append(buffer.data(), got);
  Touch();
  co_return !error;
}

asio::awaitable<bool> BrokeredExchange::Send(std::string_view bytes) {
  asio::error_code error;
  co_await asio::async_write(far_, asio::buffer(bytes),
                             asio::redirect_error(asio::use_awaitable, error));
  up_ += bytes.size();
  Touch();
  if (error) unsent_ = true;
  co_return !error;
}

asio::awaitable<BrokeredExchange::Outcome> BrokeredExchange::PassRequests() {
  for (;;) {
    // A head in single bytes is not read anew with each: a line's end completes it.
    RequestParse parse = egress::ParseRequest(received_);
    for (std::size_t looked_at = received_.size();
         parse.state == RequestParse::State::kIncomplete;) {
      const std::size_t known = received_.size();
      if (!co_await ReadMore()) co_return std::nullopt;
      const bool has_line = received_.find('\n', known) != std::string::npos;
      if (!has_line && received_.size() < 2 * looked_at &&
          received_.size() < egress::kMaxRequestHead) {
        continue;
      }
      looked_at = received_.size();
      parse = egress::ParseRequest(received_);
    }
    if (parse.state == RequestParse::State::kRefused) {
      co_return Refusal{parse.http_status, reason::kBadRequest, parse.reason,
                        std::string(parse.reason)};
    }
    received_.erase(0, parse.head.size);
    Outcome outcome = co_await PassRequest(parse.head);
    if (outcome || failed_) co_return outcome;
    if (!parse.head.close) continue;
    // Its answer is the last.
    asio::error_code ignored;
    if (!answers_over_)
      co_await answers_ended_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    co_return std::nullopt;
  }
}

BrokeredExchange::Outcome BrokeredExchange::Check(const RequestHead& head) const {
  if (head.host != rule_.host) {
    return Refusal{421, reason::kOtherHostInside, "the request is for another host",
                   Printable(head.host)};
  }
  if (egress::HasCredentialInQuery(head.target)) {
    return Refusal{403, reason::kCredentialInQuery, "the request's query holds a credential",
                   Described(head)};
  }
  if (!egress::AllowsRequest(rule_, head.method, head.target)) {
    return Refusal{403, reason::kRequestNotAllowed, "the credential is not for this request",
                   Described(head)};
  }
  return std::nullopt;
}

asio::awaitable<BrokeredExchange::Outcome> BrokeredExchange::PassRequest(const RequestHead& head) {
  if (Outcome refusal = Check(head)) co_return refusal;
  auto secret = co_await broker_->secrets->Read(rule_);
  if (!secret.ok()) {
    co_return Refusal{502, reason::kNoCredential, "the credential could not be read",
                      MessageOf(secret.status())};
  }
  secret_ = *std::move(secret);
  failed_ = !co_await Send(egress::OutgoingHead(head, rule_, secret_.Reveal()));
  if (failed_) co_return std::nullopt;
  if (head.body == RequestHead::Body::kLength) co_await PassLength(head.length);
  if (head.body == RequestHead::Body::kChunked) co_return co_await PassChunks();
  co_return std::nullopt;
}

asio::awaitable<void> BrokeredExchange::PassLength(std::uint64_t left) {
  while (left > 0 && !failed_) {
    const auto part = static_cast<std::size_t>(std::min<std::uint64_t>(left, received_.size()));
    if (part > 0) {
      failed_ = !co_await Send(std::string_view(received_).substr(0, part));
      received_.erase(0, part);
      left -= part;
    } else {
      failed_ = !co_await ReadMore();
    }
  }
}

asio::awaitable<BrokeredExchange::Outcome> BrokeredExchange::PassChunks() {
  egress::ChunkedBody body;
  for (;;) {
    std::string_view more = received_;
    std::string out;
    const auto state = body.Take(more, out);
    received_.erase(0, received_.size() - more.size());
    if (!out.empty() && !co_await Send(out)) {
      failed_ = true;
      co_return std::nullopt;
    }
    if (state == egress::ChunkedBody::State::kDone) co_return std::nullopt;
    if (state == egress::ChunkedBody::State::kMalformed) {
      co_return Refusal{400, reason::kBadRequest, "the body's chunks are malformed",
                        "malformed chunks"};
    }
    if (!co_await ReadMore()) {
      failed_ = true;
      co_return std::nullopt;
    }
  }
}

// Of the server, if not the whole of a record.
bool BrokeredExchange::HasMore() {
  SSL* ssl = far_.native_handle();
  int waiting = 0;
  return SSL_has_pending(ssl) == 1 || BIO_ctrl_pending(SSL_get_rbio(ssl)) > 0 ||
         (::ioctl(far_.next_layer().native_handle(), FIONREAD, &waiting) == 0 && waiting > 0);
}

// A server that closed its side properly, and one that broke off, are told apart: the
// client sees the same.
asio::awaitable<void> BrokeredExchange::PassAnswers() {
  const auto self = shared_from_this();
  std::array<char, kChunk> buffer;
  asio::error_code error;
  while (!error) {
    const std::size_t got = co_await far_.async_read_some(
        asio::buffer(buffer), asio::redirect_error(asio::use_awaitable, error));
    Touch();
    const bool clean = screen_.Take(std::string_view(buffer.data(), got), secret_.Reveal());
    if (!clean) {
      on_refused_(reason::kSecretInAnswer, {});
      Cut();
      break;
    }
    std::string passed = screen_.Release(/*all=*/error || !HasMore());
    asio::error_code failed;
    if (!passed.empty()) {
      co_await asio::async_write(near_, asio::buffer(passed),
                                 asio::redirect_error(asio::use_awaitable, failed));
    }
    down_ += passed.size();
    if (failed) break;
  }
  answers_over_ = true;
  answers_ended_.cancel();
  if (refusing_) co_return;  // who writes next
  if (error == asio::error::eof) {
    CutAfter(limits_.farewell);
    co_await near_.async_shutdown(asio::redirect_error(asio::use_awaitable, error));
  }
  Cut();
}

// The client has one writer at a time: what is still on its way to it comes first.
asio::awaitable<void> BrokeredExchange::Refuse(Refusal refusal) {
  on_refused_(refusal.why, std::move(refusal.detail));
  refusing_ = true;
  CutAfter(limits_.farewell);
  asio::error_code error;
  far_.next_layer().close(error);
  if (!answers_over_)
    co_await answers_ended_.async_wait(asio::redirect_error(asio::use_awaitable, error));
  const std::string reply =
      egress::RefusalReply(refusal.http_status, refusal.why, rule_.host, refusal.text);
  co_await asio::async_write(near_, asio::buffer(reply),
                             asio::redirect_error(asio::use_awaitable, error));
  if (!error) co_await near_.async_shutdown(asio::redirect_error(asio::use_awaitable, error));
  if (error) co_await Linger();
}

// A body that is still on its way: closing with bytes unread would reset the connection,
// and the answer with it.
asio::awaitable<void> BrokeredExchange::Linger() {
  std::array<char, kChunk> buffer;
  asio::error_code error;
  ::shutdown(near_.next_layer().native_handle(), SHUT_WR);
  for (std::size_t got = 0; !error && got < kMostUnread;) {
    got += co_await near_.next_layer().async_read_some(
        asio::buffer(buffer), asio::redirect_error(asio::use_awaitable, error));
  }
}

}  // namespace workmux::broker
