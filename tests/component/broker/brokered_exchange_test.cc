#include "daemon/broker/brokered_exchange.h"

#include <sys/socket.h>
#include <sys/time.h>

#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>

#include <csignal>
#include <fstream>
#include <future>

#include "common/base/format.h"
#include "common/base/mutex.h"
#include "common/process/posix_command_runner.h"
#include "daemon/async/event_loop.h"
#include "daemon/egress/decision.h"
#include "tests/component/broker/tls_end.h"
#include "tests/support/catch.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"
#include "tests/support/wait_until.h"

namespace workmux::broker {
namespace {

namespace reason = egress::reason;
using namespace std::chrono_literals;
using test::Must;
using test::TlsEnd;

constexpr char kHost[] = "api.example.com";
constexpr char kSecret[] = "the-real-secret";
constexpr char kOk[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

std::shared_ptr<asio::ssl::context> ClientTrusting(const Authority& authority) {
  auto client = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_client);
  client->set_verify_mode(asio::ssl::verify_peer);
  client->add_certificate_authority(asio::buffer(authority.certificate()));
  return client;
}

// A sandbox's program and a host's server, with the exchange between them.
class Stage {
 public:
  Stage() : secrets_(runner_) {
    std::signal(SIGPIPE, SIG_IGN);  // as the daemon
    KeepSecret(kSecret);
    rule.host = kHost;
    rule.header = "authorization";
    rule.value = "Bearer {secret}";
    rule.file = dir_.path() / "secret";
    client_context = ClientTrusting(authority);
    server_context = Must(internet.ServerFor(kHost));
    trusted = ClientTrusting(internet);
  }
  ~Stage() {
    loop_.Post([this] {
      if (exchange_) exchange_->Cut();
    });
    if (ended_.valid()) ended_.wait();
    std::promise<void> gone;
    loop_.Post([&] {
      exchange_.reset();
      gone.set_value();
    });
    gone.get_future().wait();
    secrets_.Stop();  // before the loop that it answers to ends
  }

  void KeepSecret(const std::string& text) {
    std::ofstream(dir_.path() / "secret") << text << '\n';
    std::filesystem::permissions(dir_.path() / "secret", std::filesystem::perms::owner_read |
                                                             std::filesystem::perms::owner_write);
  }

  void Start() {
    auto broker = std::make_shared<SandboxBroker>();
    broker->rules = {rule};
    broker->servers[kHost] = Must(authority.ServerFor(kHost));
    broker->client = trusted;
    broker->secrets = &secrets_;
    auto [inside, near] = Pair();
    auto [outside, far] = Pair();
    client.emplace(std::move(inside));
    server.emplace(std::move(outside));
    auto done = std::make_shared<std::promise<void>>();
    ended_ = done->get_future();
    loop_.Post([this, broker, done, near = near.Release(), far = far.Release()] {
      auto& context = loop_.context();
      exchange_ = std::make_shared<BrokeredExchange>(
          broker, kHost, limits, asio::posix::stream_descriptor(context, near), std::string(),
          asio::posix::stream_descriptor(context, far),
          [this](std::string_view why, std::string detail) {
            const MutexLock lock(mu_);
            refused_ += std::string(why);
            detail_ = std::move(detail);
          });
      asio::co_spawn(context, exchange_->Run(), [done](const std::exception_ptr& failure) {
        failure ? done->set_exception(failure) : done->set_value();
      });
    });
  }
  // Both handshakes.
  void Open() {
    Start();
    REQUIRE(client->Connect(client_context->native_handle(), kHost));
    REQUIRE(server->Accept(server_context->native_handle()));
  }
  // What the server is asked when the client says this.
  std::string Asked(std::string_view request, std::string_view end = "\r\n\r\n") {
    REQUIRE(client->Write(request));
    return server->ReadUntil(end);
  }
  void Cut() {
    loop_.Post([this] { exchange_->Cut(); });
  }
  std::uint64_t PassedOn() {
    std::promise<std::uint64_t> bytes;
    loop_.Post([&] { bytes.set_value(exchange_->bytes_up()); });
    return bytes.get_future().get();
  }
  bool Ended() {
    if (ended_.wait_for(20s) != std::future_status::ready) return false;
    ended_.get();  // an exception is none of its ends
    return true;
  }
  std::string refused() {
    const MutexLock lock(mu_);
    return refused_;
  }
  std::string detail() {
    const MutexLock lock(mu_);
    return detail_;
  }

  egress::CredentialRule rule;
  BrokeredExchange::Limits limits;
  const Authority authority = Must(Authority::Make({kHost}));
  const Authority internet = Must(Authority::Make({kHost, "other.example.com"}));
  std::shared_ptr<asio::ssl::context> client_context;
  std::shared_ptr<asio::ssl::context> server_context;
  std::shared_ptr<asio::ssl::context> trusted;  // by the exchange
  std::optional<TlsEnd> client;
  std::optional<TlsEnd> server;

 private:
  static std::pair<UniqueFd, UniqueFd> Pair() {
    int ends[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
    const timeval limit{.tv_sec = 20, .tv_usec = 0};
    ::setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    return {UniqueFd(ends[0]), UniqueFd(ends[1])};
  }

  test::TempDir dir_;
  PosixCommandRunner runner_;
  SecretSource secrets_;
  Mutex mu_;
  std::string refused_;
  std::string detail_;
  std::future<void> ended_;
  std::shared_ptr<BrokeredExchange> exchange_;
  daemon::EventLoop loop_;  // last: what runs on it uses all of the above
};

std::string Get(const std::string& target, const std::string& fields = "") {
  return Format("GET {} HTTP/1.1\r\nHost: {}\r\n{}\r\n", target, kHost, fields);
}

}  // namespace

TEST_CASE("BrokeredExchange: the host's secret goes where the sandbox's own key was") {
  Stage stage;
  stage.Open();
  const std::string asked = stage.Asked(
      Get("/v1?x=1",
          "Authorization: Bearer foreign\r\nX-Api-Key: foreign\r\nAccept: text/plain\r\n"
          "Cookie: foreign\r\n"));
  CHECK_THAT(asked, Catch::StartsWith("GET /v1?x=1 HTTP/1.1\r\n"));
  CHECK_THAT(asked, Catch::Contains("uthorization: Bearer the-real-secret\r\n"));
  CHECK_THAT(asked, !Catch::Contains("foreign"));
  CHECK_THAT(asked, Catch::Contains("text/plain"));
  REQUIRE(stage.server->Write(kOk));
  CHECK(stage.client->ReadUntil("ok") == kOk);
  // The connection serves further ones, with bodies of both kinds.
  const std::string host = Format("Host: {}\r\n", kHost);
  CHECK_THAT(stage.Asked("POST / HTTP/1.1\r\n" + host + "Content-Length: 4\r\n\r\nbody", "body"),
             Catch::Contains("the-real-secret") && Catch::EndsWith("\r\n\r\nbody"));
  REQUIRE(stage.server->Write(kOk));
  CHECK(stage.client->ReadUntil("ok") == kOk);
  CHECK_THAT(stage.Asked("POST / HTTP/1.1\r\n" + host +
                             "Transfer-Encoding: chunked\r\n\r\n4;x=y\r\nbody\r\n0\r\n"
                             "Authorization: foreign\r\n\r\n",
                         "0\r\n\r\n"),
             Catch::Contains("4\r\nbody\r\n") && !Catch::Contains("foreign"));
  stage.server->Close();
  CHECK(stage.client->ReadAll().empty());
  CHECK(stage.client->WasClosed());
  CHECK(stage.Ended());
  CHECK(stage.refused().empty());
}

TEST_CASE("BrokeredExchange: pipelined requests go on in their order") {
  Stage stage;
  stage.Open();
  const std::string asked = stage.Asked(Get("/1") + Get("/2") + Get("/3", "X: last\r\n"), "last");
  CHECK(asked.find("GET /1 ") < asked.find("GET /2 "));
  CHECK(asked.find("GET /2 ") < asked.find("GET /3 "));
}

TEST_CASE("BrokeredExchange: after the last request its answer is waited for") {
  Stage stage;
  stage.Open();
  CHECK_THAT(stage.Asked(Get("/", "Connection: close\r\n")),
             Catch::Contains("onnection: close\r\n"));
  REQUIRE(stage.server->Write(kOk));
  CHECK(stage.client->ReadUntil("ok") == kOk);
  stage.server->Close();
  CHECK(stage.Ended());
}

TEST_CASE("BrokeredExchange: what the credential is not for does not reach the server") {
  struct Case {
    std::string request;
    std::string_view why;
    std::string_view status;
  };
  const std::vector<Case> cases = {
      {"GET /a HTTP/1.1\r\nHost: other.example.com\r\n\r\n", reason::kOtherHostInside, "421"},
      {Get("/a?access_token=foreign"), reason::kCredentialInQuery, "403"},
      {Get("/b"), reason::kRequestNotAllowed, "403"},
      {Get("/a/../b"), reason::kRequestNotAllowed, "403"},
      {Get("/a", "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n"), reason::kBadRequest,
       "400"},
      {"CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", reason::kBadRequest, "405"},
  };
  for (const Case& one : cases) {
    INFO(one.request);
    Stage stage;
    stage.rule.allow = {{.method = "GET", .path = "/a"}, {.method = "GET", .path = "/a/**"}};
    stage.Open();
    // Control: an allowed one does.
    CHECK_THAT(stage.Asked(Get("/a")), Catch::Contains("the-real-secret"));
    REQUIRE(stage.server->Write(kOk));
    CHECK(stage.client->ReadUntil("ok") == kOk);
    REQUIRE(stage.client->Write(one.request));
    const std::string answer = stage.client->ReadAll();
    CHECK_THAT(answer, Catch::StartsWith("HTTP/1.1 " + std::string(one.status)));
    CHECK_THAT(answer, Catch::Contains("X-Workmux-Deny: " + std::string(one.why) + "\r\n"));
    CHECK(stage.client->WasClosed());
    CHECK(stage.server->ReadAll().empty());
    CHECK(stage.Ended());
    CHECK(stage.refused() == one.why);
    CHECK_THAT(stage.detail(), !Catch::Contains("foreign"));
  }
}

TEST_CASE("BrokeredExchange: a refused upload is told why, however long it is") {
  Stage stage;
  stage.rule.allow = {{.method = "GET", .path = "/a"}};
  stage.Open();
  const std::string body(4 << 20, 'x');
  REQUIRE(stage.client->Write(
      Format("POST /a HTTP/1.1\r\nHost: {}\r\nContent-Length: {}\r\n\r\n", kHost, body.size())));
  CHECK(stage.client->Write(body));
  CHECK_THAT(stage.client->ReadAll(), Catch::StartsWith("HTTP/1.1 403"));
  CHECK(stage.client->WasClosed());
}

TEST_CASE("BrokeredExchange: a server that does not prove to be the host is told nothing") {
  const auto refuse = [](Stage& stage) {
    stage.Start();
    REQUIRE(stage.client->Connect(stage.client_context->native_handle(), kHost));
    CHECK_FALSE(stage.server->Accept(stage.server_context->native_handle()));
    REQUIRE(stage.client->Write(Get("/")));
    CHECK_THAT(stage.client->ReadAll(),
               Catch::StartsWith("HTTP/1.1 502") && Catch::Contains("server-not-verified"));
    CHECK(stage.refused() == reason::kNotVerified);
  };
  SECTION("of an authority that nobody knows") {
    Stage stage;
    stage.trusted = ClientTrusting(stage.authority);
    refuse(stage);
  }
  SECTION("with the certificate of another host") {
    Stage stage;
    stage.server_context = Must(stage.internet.ServerFor("other.example.com"));
    refuse(stage);
    CHECK_THAT(stage.detail(), Catch::Contains("mismatch"));
  }
}

TEST_CASE("BrokeredExchange: a server that hangs up is none that was found out") {
  Stage stage;
  stage.Start();
  REQUIRE(stage.client->Connect(stage.client_context->native_handle(), kHost));
  stage.server->Break();
  REQUIRE(stage.client->Write(Get("/")));
  CHECK_THAT(stage.client->ReadAll(), Catch::Contains("not-connected"));
  CHECK(stage.refused() == reason::kNotConnected);
}

TEST_CASE("BrokeredExchange: a client that does not trust the authority is reported") {
  Stage stage;
  stage.client_context = ClientTrusting(stage.internet);
  stage.Start();
  CHECK_FALSE(stage.client->Connect(stage.client_context->native_handle(), kHost));
  CHECK(stage.Ended());
  CHECK(stage.refused() == reason::kCertificateNotTaken);
}

TEST_CASE("BrokeredExchange: an answer with the secret in it is not handed on") {
  for (const std::string_view repeated : {"the-real-secret", "the-real-other"}) {
    INFO(repeated);
    Stage stage;
    stage.Open();
    stage.Asked(Get("/"));
    REQUIRE(stage.server->Write(Format("HTTP/1.1 200 OK\r\n\r\nseen: {}", repeated)));
    stage.server->Close();
    const bool held = repeated == kSecret;
    CHECK(stage.client->ReadAll() == (held ? "" : "HTTP/1.1 200 OK\r\n\r\nseen: the-real-other"));
    CHECK(stage.client->WasClosed() != held);
    CHECK(stage.refused() == (held ? reason::kSecretInAnswer : ""));
  }
}

TEST_CASE("BrokeredExchange: how an answer ends does not delay it") {
  for (const std::string guess : {"the-real-s", "the-real-x"}) {
    INFO(guess);
    Stage stage;
    stage.Open();
    stage.Asked(Get("/"));
    REQUIRE(stage.server->Write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n" + guess));
    CHECK_THAT(stage.client->ReadUntil(guess), Catch::EndsWith(guess));
    // What comes later is looked at together with it.
    REQUIRE(stage.server->Write("ecret"));
    const bool held = guess == "the-real-s";
    stage.server->Close();
    CHECK(stage.client->ReadAll() == (held ? "" : "ecret"));
    CHECK(stage.refused() == (held ? reason::kSecretInAnswer : ""));
  }
}

TEST_CASE("BrokeredExchange: a server that takes no more of a request still answers") {
  Stage stage;
  stage.Open();
  REQUIRE(stage.client->Write(
      Format("POST / HTTP/1.1\r\nHost: {}\r\nContent-Length: 100000000\r\n\r\n", kHost)));
  CHECK_THAT(stage.server->ReadUntil("\r\n\r\n"), Catch::Contains("POST /"));
  stage.server->TakeNoMore();
  const std::string part(16384, 'a');
  REQUIRE(stage.client->Write(part));
  // It was tried: the answer comes after that.
  REQUIRE(test::WaitUntil([&] { return stage.PassedOn() >= part.size(); }));
  REQUIRE(stage.server->Write("HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n"));
  stage.server->Close();
  CHECK_THAT(stage.client->ReadAll(), Catch::StartsWith("HTTP/1.1 413"));
  CHECK(stage.Ended());
  CHECK(stage.refused().empty());
}

TEST_CASE("BrokeredExchange: a handshake that takes too long is no proof of anything") {
  Stage stage;
  stage.limits.handshake = 100ms;
  stage.Start();
  SECTION("the server's") {
    REQUIRE(stage.client->Connect(stage.client_context->native_handle(), kHost));
  }
  SECTION("the client's") {}
  CHECK(stage.Ended());
  CHECK(stage.refused() == reason::kTooSlow);
}

TEST_CASE("BrokeredExchange: one that is cut from outside is not refused") {
  Stage stage;
  stage.Start();
  REQUIRE(stage.client->Connect(stage.client_context->native_handle(), kHost));
  stage.Cut();
  CHECK(stage.Ended());
  CHECK(stage.refused().empty());
}

TEST_CASE("BrokeredExchange: without its secret no request goes on") {
  Stage stage;
  stage.KeepSecret("");
  stage.Open();
  REQUIRE(stage.client->Write(Get("/")));
  CHECK_THAT(stage.client->ReadAll(), Catch::StartsWith("HTTP/1.1 502"));
  CHECK(stage.server->ReadAll().empty());
  CHECK(stage.refused() == reason::kNoCredential);
}

TEST_CASE("BrokeredExchange: a server that breaks off is no server that has finished") {
  Stage stage;
  stage.Open();
  stage.Asked(Get("/"));
  REQUIRE(stage.server->Write("HTTP/1.1 200 OK\r\n\r\nhalf"));
  CHECK_THAT(stage.client->ReadUntil("half"), Catch::EndsWith("half"));
  stage.server->Break();
  CHECK(stage.client->ReadAll().empty());
  CHECK_FALSE(stage.client->WasClosed());
  CHECK(stage.Ended());
}

TEST_CASE("BrokeredExchange: one on which nothing moves ends") {
  Stage stage;
  stage.limits.idle = 100ms;
  stage.Open();
  CHECK(stage.client->ReadAll().empty());
  CHECK(stage.Ended());
}

}  // namespace workmux::broker
