#include "daemon/egress/tunnel.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/redirect_error.hpp>
#include <asio/use_awaitable.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "common/base/format.h"
#include "common/base/status.h"
#include "common/base/strings.h"
#include "daemon/egress/client_hello.h"
#include "daemon/egress/host_name.h"
#include "daemon/egress/reply.h"

namespace workmux::egress {
namespace {

using asio::posix::stream_descriptor;

constexpr std::uint16_t kHttps = 443;
constexpr std::size_t kChunk = 4096;
// How long a refused client may take to read why, and what it may still send.
constexpr std::chrono::milliseconds kLinger{1000};
constexpr std::size_t kLingerBytes = 64 * 1024;

struct Failure {
  int http_status;
  std::string_view why;
  std::string_view text;
};

Failure ResolveFailure(const absl::Status& status) {
  if (absl::IsResourceExhausted(status))
    return {503, reason::kResolverBusy, "too many names are being looked up"};
  if (absl::IsDeadlineExceeded(status))
    return {504, reason::kNotResolved, "looking up the name took too long"};
  return {502, reason::kNotResolved, "the name cannot be resolved"};
}

std::string_view AddressText(std::string_view why) {
  if (why == reason::kPrivateAddress) return "its addresses are of a private network";
  if (why == reason::kOwnAddress) return "it leads back to the host";
  return "its addresses are none that may be reached";
}

}  // namespace

Tunnel::Tunnel(TunnelContext& context, std::shared_ptr<SandboxState> sandbox, std::uint64_t number,
               UniqueFd client)
    : context_(context),
      sandbox_(std::move(sandbox)),
      number_(number),
      client_(context.executor, client.Release()),
      limit_(context.executor),
      server_(context.executor) {}

Tunnel::~Tunnel() {
  sandbox_->asking.erase(number_);
  sandbox_->open.erase(number_);
  if (counted_) --context_.open_tunnels;
}

void Tunnel::Start() {
  sandbox_->asking.emplace(number_, weak_from_this());
  const int on = 1;  // no effect on a Unix socket
  ::setsockopt(client_.native_handle(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  asio::co_spawn(context_.executor, Run(), asio::detached);
}

void Tunnel::Cut(std::string_view why) {
  if (why_.empty()) why_ = why;
  asio::error_code ignored;
  client_.close(ignored);
  server_.close(ignored);
  limit_.cancel();
  if (joint_) joint_->Cut();
  if (exchange_) exchange_->Cut();
}

bool Tunnel::IsAllowedBy(const Policy& policy) const {
  const HostRule* rule = FindRule(policy.rules, request_.host);
  return rule != nullptr && (rule->allow_private_ips || !allow_private_);
}

LiveTunnel Tunnel::live() const {
  LiveTunnel live{.connection = number_,
                  .session = sandbox_->session,
                  .host = request_.host,
                  .service = {},
                  .address = address_,
                  .rule = rule_,
                  .since = since_,
                  .bytes_up = hello_bytes_,
                  .bytes_down = 0};
  if (joint_) {
    live.bytes_up += joint_->up().bytes;
    live.bytes_down += joint_->down().bytes;
  }
  if (exchange_) {
    live.bytes_up += exchange_->bytes_up();
    live.bytes_down += exchange_->bytes_down();
  }
  return live;
}

void Tunnel::SetLimit(std::chrono::milliseconds time) {
  limit_.expires_after(time);
  limit_.async_wait([weak = weak_from_this()](const asio::error_code& error) {
    if (const auto self = error ? nullptr : weak.lock()) self->Cut(reason::kTooSlow);
  });
}

Decision Tunnel::Draft() const {
  return {.connection = number_,
          .session = sandbox_->session,
          .host = request_.host,
          .service = {},
          .allowed = false,
          .reason = {},
          .rule = rule_,
          .detail = {}};
}

asio::awaitable<void> Tunnel::Run() {
  const auto self = shared_from_this();
  SetLimit(context_.head_time);
  if (!co_await ReadHead() || !co_await Authorise()) co_return;
  // Names and connections have limits of their own.
  limit_.cancel();
  if (!co_await Connect() || !co_await Answer()) co_return;
  SetLimit(context_.hello_time);
  if (!co_await CheckHello()) co_return End(why_.empty() ? reason::kClosed : why_);
  if (IsBrokered()) {
    limit_.cancel();
    co_await Broker();
  } else {
    co_await Join();
  }
}

bool Tunnel::IsBrokered() const {
  return sandbox_->broker != nullptr &&
         FindCredential(sandbox_->broker->rules, request_.host) != nullptr;
}

asio::awaitable<void> Tunnel::Join() {
  const std::error_code failed = co_await WriteAll(server_, received_);
  hello_bytes_ = received_.size();
  received_ = std::string();
  if (failed) co_return End(why_.empty() ? reason::kClosed : why_);
  limit_.cancel();
  joint_ = std::make_shared<Joint>(context_.pipes, context_.idle, std::move(client_),
                                   std::move(server_));
  co_await joint_->Run();
  End(joint_->timed_out() ? reason::kIdle : why_);
}

asio::awaitable<void> Tunnel::Broker() {
  broker::BrokeredExchange::Limits limits;
  limits.idle = context_.idle.open;
  exchange_ = std::make_shared<broker::BrokeredExchange>(
      sandbox_->broker, request_.host, limits, std::move(client_), std::move(received_),
      std::move(server_), [weak = weak_from_this()](std::string_view why, std::string detail) {
        const auto self = weak.lock();
        if (!self) return;
        Decision decision = self->Draft();
        decision.reason = std::string(why);
        decision.detail = std::move(detail);
        self->context_.observer.Decided(decision);
        self->why_ = why;
      });
  co_await exchange_->Run();
  End(exchange_->timed_out() ? reason::kIdle : why_);
}

asio::awaitable<bool> Tunnel::ReadMore() {
  std::array<char, kChunk> buffer;
  for (;;) {
    const ssize_t got = ::recv(client_.native_handle(), buffer.data(), buffer.size(), 0);
    if (got > 0) {
      received_.append(buffer.data(), static_cast<std::size_t>(got));
      co_return true;
    }
    if (got == 0 || (errno != EAGAIN && errno != EINTR)) co_return false;
    asio::error_code error;
    co_await client_.async_wait(stream_descriptor::wait_read,
                                asio::redirect_error(asio::use_awaitable, error));
    if (error || !client_.is_open()) co_return false;
  }
}

// A head that comes in single bytes is not read anew with each: a line's end completes
// it, and one that is wrong before is noticed a little later.
asio::awaitable<bool> Tunnel::ReadHead() {
  for (std::size_t known = 0, looked_at = 0;; known = received_.size()) {
    if (!co_await ReadMore()) co_return false;
    const bool has_line = received_.find('\n', known) != std::string::npos;
    if (!has_line && received_.size() < 2 * looked_at && received_.size() < kMaxHead) continue;
    looked_at = received_.size();
    ConnectParse parse = ParseConnect(received_);
    if (parse.state == ConnectParse::State::kIncomplete) continue;
    if (parse.state == ConnectParse::State::kRefused)
      co_return co_await Refuse(parse.http_status, reason::kBadRequest, parse.reason);
    request_ = std::move(parse.request);
    received_.erase(0, request_.size);
    co_return true;
  }
}

asio::awaitable<bool> Tunnel::Authorise() {
  if (!sandbox_->token.Matches(BasicPassword(request_.authorization))) {
    request_.host.clear();  // nothing of what it said counts
    co_return co_await Refuse(407, reason::kBadCredentials,
                              "the credentials are not this sandbox's");
  }
  const HostRule* rule = FindRule(sandbox_->policy->rules, request_.host);
  if (rule == nullptr)
    co_return co_await Refuse(403, reason::kHostNotAllowed, "is not allowed from this sandbox");
  rule_ = rule->text();
  allow_private_ = rule->allow_private_ips;
  if (sandbox_->open.size() >= context_.tunnels_each || context_.open_tunnels >= context_.tunnels)
    co_return co_await Refuse(503, reason::kTooManyTunnels, "too many connections are open");
  sandbox_->asking.erase(number_);
  sandbox_->open.emplace(number_, weak_from_this());
  counted_ = true;
  ++context_.open_tunnels;
  co_return true;
}

asio::awaitable<bool> Tunnel::Connect() {
  const auto answers = co_await context_.resolver.Resolve(request_.host, sandbox_->session);
  if (!client_.is_open()) co_return false;
  if (!answers.ok()) {
    const Failure failure = ResolveFailure(answers.status());
    co_return co_await Refuse(failure.http_status, failure.why, failure.text,
                              MessageOf(answers.status()));
  }
  DialPlan plan = PlanDial(*answers, allow_private_, context_.leads_here);
  if (plan.addresses.empty())
    co_return co_await Refuse(403, plan.reason, AddressText(plan.reason), std::move(plan.detail));
  auto dialled = co_await context_.dialer.Dial(std::move(plan.addresses), kHttps);
  if (!client_.is_open()) co_return false;
  if (!dialled.ok()) {
    const bool late = absl::IsDeadlineExceeded(dialled.status());
    co_return co_await Refuse(late ? 504 : 502, reason::kNotConnected, "cannot be connected to",
                              MessageOf(dialled.status()));
  }
  server_ = std::move(dialled->connection);
  address_ = dialled->address.to_string();
  co_return true;
}

asio::awaitable<bool> Tunnel::Answer() {
  opened_ = std::chrono::steady_clock::now();
  since_ = std::chrono::system_clock::now();
  Decision decision = Draft();
  decision.allowed = true;
  decision.detail = address_;
  // The client makes its hello while the decision is taken down.
  const std::error_code failed = co_await WriteAll(client_, kEstablished);
  context_.observer.Decided(decision);
  if (failed) {
    End(reason::kClosed);
    co_return false;
  }
  co_return true;
}

// The name is seen by the server alone from here on: what it is told must be what was
// allowed.
asio::awaitable<bool> Tunnel::CheckHello() {
  ClientHelloReader reader;
  ClientHelloParse hello = reader.Take(received_);
  while (hello.state == ClientHelloParse::State::kIncomplete) {
    const std::size_t known = received_.size();
    if (!co_await ReadMore()) co_return false;
    hello = reader.Take(std::string_view(received_).substr(known));
  }
  std::string_view why;
  // A credential is given for the host that was asked for alone.
  const SniMode mode = IsBrokered() ? SniMode::kEnforce : sandbox_->policy->sni;
  if (hello.state == ClientHelloParse::State::kNotTls) {
    why = reason::kNotTls;
  } else if (mode != SniMode::kOff && hello.server_name.empty()) {
    why = reason::kNoServerName;
  } else if (mode != SniMode::kOff) {
    const auto name = NormalHost(hello.server_name);
    if (!name.ok() || *name != request_.host) why = reason::kOtherServerName;
  }
  if (!why.empty()) {
    Decision decision = Draft();
    decision.allowed = mode == SniMode::kLog && why != reason::kNotTls;
    decision.reason = std::string(why);
    if (why == reason::kOtherServerName) decision.detail = Printable(hello.server_name);
    context_.observer.Decided(decision);
    if (!decision.allowed) {
      why_ = why;
      if (why != reason::kNotTls) co_await WriteAll(client_, kNameAlert);
      co_await Linger();
      co_return false;
    }
  }
  co_return true;
}

asio::awaitable<bool> Tunnel::Refuse(int http_status, std::string_view why, std::string_view text,
                                     std::string detail) {
  Decision decision = Draft();
  decision.reason = std::string(why);
  decision.detail =
      detail.empty() && why == reason::kBadRequest ? std::string(text) : std::move(detail);
  context_.observer.Decided(decision);
  const std::string reply = RefusalReply(http_status, why, request_.host, text);
  if (!co_await WriteAll(client_, reply)) co_await Linger();
  co_return false;
}

// Closing with bytes unread would reset the connection, and the answer with it.
asio::awaitable<void> Tunnel::Linger() {
  SetLimit(kLinger);
  ::shutdown(client_.native_handle(), SHUT_WR);
  for (std::size_t got = 0; got < kLingerBytes; got += received_.size()) {
    received_.clear();
    if (!co_await ReadMore()) break;
  }
}

void Tunnel::End(std::string_view why) {
  const auto spent = std::chrono::steady_clock::now() - opened_;
  const LiveTunnel last = live();
  context_.observer.Ended(
      {.connection = number_,
       .session = last.session,
       .host = last.host,
       .service = {},
       .reason = std::string(why),
       .bytes_up = last.bytes_up,
       .bytes_down = last.bytes_down,
       .milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(spent).count()});
}

}  // namespace workmux::egress
