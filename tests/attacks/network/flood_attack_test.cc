// Connections that are many, slow or senseless.

#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <random>

#include "common/io/socket.h"
#include "daemon/egress/threaded_resolver.h"
#include "tests/attacks/network/bait.h"
#include "tests/attacks/network/proxy_stage.h"
#include "tests/support/catch.h"
#include "tests/support/status_matchers.h"
#include "tests/support/tls_hello.h"

namespace workmux::test {
namespace {

using asio::ip::address;
using egress::ThreadedResolver;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr std::size_t kIdle = 1000;
constexpr int kReal = 300;
constexpr int kStrings = 100'000;

ThreadedResolver::Addresses PublicAddress(const std::string&) {
  return std::vector<address>{asio::ip::make_address("93.184.216.34")};
}
absl::StatusOr<bool> Elsewhere(const address&) { return false; }

// Both ends of the idle ones are this process's.
void AllowManyDescriptors() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, 8192);
  ::setrlimit(RLIMIT_NOFILE, &limit);
  REQUIRE(limit.rlim_cur >= 4096);
}

// Connections that say nothing, half of a request, or a whole one and then no hello.
std::vector<UniqueFd> Idle(const ProxyStage& stage) {
  std::vector<UniqueFd> idle;
  const std::string request = ProxyStage::Request("api.example.com", "wrong");
  for (std::size_t i = 0; i < kIdle; ++i) {
    idle.push_back(stage.Connect());
    if (i % 3 != 0) SayTo(idle.back().get(), request.substr(0, request.size() - 1 - i % 40));
  }
  return idle;
}

// A program that serves one connection after the other and waits for each.
class Patient {
 public:
  Patient() : listener_(Must(ListenUnix(dir_ / "s"))) {
    thread_ = std::jthread([this](std::stop_token stop) {
      while (!stop.stop_requested()) {
        pollfd ready{.fd = listener_.get(), .events = POLLIN, .revents = 0};
        if (::poll(&ready, 1, 20) != 1) continue;
        const UniqueFd peer(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
        pollfd said{.fd = peer.get(), .events = POLLIN, .revents = 0};
        while (!stop.stop_requested() && ::poll(&said, 1, 20) == 0) {
        }
        SayTo(peer.get(), "HTTP/1.1 403\r\n\r\n");
      }
    });
  }
  std::filesystem::path socket() const { return dir_ / "s"; }

 private:
  TempDir dir_;
  UniqueFd listener_;
  std::jthread thread_;
};

microseconds At(std::vector<microseconds> times, double share) {
  std::sort(times.begin(), times.end());
  return times[static_cast<std::size_t>(share * static_cast<double>(times.size() - 1))];
}

// One of many kinds: noise, a request with bytes changed, a cut one, a hello without one.
std::string Senseless(std::mt19937& random) {
  std::string bytes = ProxyStage::Request("api.example.com", random() % 2 == 0 ? "wrong" : "tokem");
  const auto kind = random() % 4;
  if (kind == 0) {
    bytes.resize(random() % 400);
    for (char& c : bytes) c = static_cast<char>(random());
  } else if (kind == 1) {
    for (int i = 0; i < 3; ++i) bytes[random() % bytes.size()] = static_cast<char>(random());
  } else if (kind == 2) {
    bytes = bytes.substr(0, random() % bytes.size());
  } else {
    bytes = TlsHelloFor("api.example.com");
    bytes[random() % bytes.size()] = static_cast<char>(random());
  }
  return bytes;
}

}  // namespace

// Control: a server that waits for each connection in turn, where the next one gets no answer for a
// second.
TEST_CASE("Attack N12: a thousand connections that say nothing keep nobody waiting",
          "[attack][N12][proxy]") {
  AllowManyDescriptors();
  const Bait bait;
  ThreadedResolver resolver({}, [](const std::string&) -> ThreadedResolver::Addresses {
    return std::vector<address>{OwnAddress()};
  });
  OtherPortDialer dialer(bait.port());
  const ProxyStage stage(resolver, dialer, Elsewhere, "api.example.com", true);
  const std::vector<UniqueFd> idle = Idle(stage);
  std::vector<microseconds> times;
  for (int i = 0; i < kReal; ++i) {
    const auto begin = steady_clock::now();
    const std::string answer = stage.Ask("api.example.com");
    times.push_back(std::chrono::duration_cast<microseconds>(steady_clock::now() - begin));
    if (answer != "200") FAIL(answer);
  }
  INFO("p50 " << At(times, 0.5).count() << " us, p99 " << At(times, 0.99).count() << " us");
  CHECK(At(times, 0.5) < milliseconds(5));
  CHECK(At(times, 0.99) < milliseconds(100));  // 5 ms on a machine with nothing else to do

  const Patient patient;
  const UniqueFd silent = Must(ConnectUnix(patient.socket()));
  const UniqueFd next = Must(ConnectUnix(patient.socket()));
  SayTo(next.get(), "x");
  CHECK(HearOf(next.get(), "\r\n\r\n", std::chrono::seconds(1)).empty());
}

// Control: the request that all of them are like, which opens a tunnel before and after.
TEST_CASE("Attack N12: a hundred thousand senseless strings open no tunnel and leave it serving",
          "[attack][N12][proxy]") {
  ThreadedResolver resolver({}, PublicAddress);
  KeepingDialer dialer;
  const ProxyStage stage(resolver, dialer, Elsewhere, "api.example.com", false);
  CHECK(stage.Ask("api.example.com") == "502 not-connected");
  CHECK(dialer.dialled().size() == 1);
  std::mt19937 random(11);
  int refused = 0;
  for (int i = 0; i < kStrings; ++i) {
    const UniqueFd connection = stage.Connect();
    SayTo(connection.get(), Senseless(random));
    ::shutdown(connection.get(), SHUT_WR);
    const std::string answer = HearOf(connection.get(), "\r\n\r\n", std::chrono::seconds(20));
    if (!answer.empty() && !answer.starts_with("HTTP/1.1 4")) FAIL(answer);
    refused += answer.empty() ? 0 : 1;
  }
  CHECK(refused > kStrings / 3);
  CHECK(dialer.dialled().size() == 1);
  CHECK(stage.Ask("api.example.com") == "502 not-connected");
  CHECK(dialer.dialled().size() == 2);
}

}  // namespace workmux::test
