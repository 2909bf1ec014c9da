// Name servers that lie.

#include <algorithm>
#include <atomic>

#include "daemon/egress/local_route.h"
#include "daemon/egress/threaded_resolver.h"
#include "tests/attacks/network/bait.h"
#include "tests/attacks/network/proxy_stage.h"
#include "tests/support/catch.h"
#include "tests/support/special_registry.h"
#include "tests/support/wait_until.h"

namespace workmux::test {
namespace {

using asio::ip::address;
using asio::ip::make_address;
using egress::ThreadedResolver;

constexpr int kTries = 10'000;
std::atomic<std::size_t> asked = 0;

// A name that is somebody else at every question.
ThreadedResolver::Addresses Rebind(const std::string&) {
  constexpr const char* kInTurn[] = {"93.184.216.34",   "127.0.0.1",           "93.184.216.34",
                                     "169.254.169.254", "2606:2800:220:1::34", "::ffff:127.0.0.1"};
  return std::vector<address>{make_address(kInTurn[asked++ % std::size(kInTurn)])};
}

// A host of this machine, at an address of it.
ThreadedResolver::Addresses Here(const std::string& host) {
  if (host == "loop.example.com") return std::vector<address>{make_address("127.0.0.1")};
  return std::vector<address>{OwnAddress()};
}

bool MayBeReached(const address& one) { return RegisteredReach(one) == egress::Reach::kPublic; }

absl::StatusOr<bool> Elsewhere(const address&) { return false; }

}  // namespace

// Control: a program that checks one answer and dials the next, which reaches loopback in the same
// tries.
TEST_CASE("Attack N8: in ten thousand tries no name leads elsewhere after it was checked",
          "[attack][N8][proxy]") {
  asked = 0;
  ThreadedResolver resolver({.kept = std::chrono::milliseconds(0)}, Rebind);
  KeepingDialer dialer;
  {
    const ProxyStage stage(resolver, dialer, Elsewhere, "*.example.com", false);
    int dialled = 0;
    for (int i = 0; i < kTries; ++i) {
      const std::string answer = stage.Ask("rebind" + std::to_string(i % 3) + ".example.com");
      if (answer == "502 not-connected") ++dialled;
      if (answer != "502 not-connected" && answer != "403 forbidden-address") FAIL(answer);
    }
    CHECK(asked >= kTries);
    CHECK(dialled > kTries / 3);
  }
  const std::vector<address> reached = dialer.dialled();
  CHECK(reached.size() > kTries / 3);
  CHECK(std::all_of(reached.begin(), reached.end(), MayBeReached));

  int naive = 0;
  for (int i = 0; i < kTries; ++i) {
    if (MayBeReached(Rebind("")->front()) && !MayBeReached(Rebind("")->front())) ++naive;
  }
  CHECK(naive > 0);
}

// Control: the proxy without its look at the routing table, through which the host's own service
// answers.
TEST_CASE("Attack N16: the proxy reaches no service of its own host", "[attack][N16][proxy]") {
  const Bait bait;
  ThreadedResolver resolver({}, Here);
  OtherPortDialer dialer(bait.port());
  {
    // Also where the address is a private one, and private ones are open.
    const ProxyStage stage(resolver, dialer, egress::LeadsHere, "own.example.com", true);
    CHECK(stage.Ask("own.example.com") == "403 address-of-this-host");
    const ProxyStage loop(resolver, dialer, egress::LeadsHere, "loop.example.com", true);
    CHECK(loop.Ask("loop.example.com") == "403 forbidden-address");
    CHECK(bait.reached() == 0);
  }
  ThreadedResolver again({}, Here);
  const ProxyStage stage(again, dialer, Elsewhere, "own.example.com", true);
  CHECK(stage.Ask("own.example.com") == "200");
  CHECK(WaitUntil([&] { return bait.reached() == 1; }));
}

}  // namespace workmux::test
