#include "daemon/adapters/egress/proxy_gateway.h"

#include <cstdlib>
#include <optional>

#include "common/base/status.h"
#include "common/io/file.h"
#include "common/process/posix_command_runner.h"
#include "daemon/egress/authority_files.h"
#include "tests/component/egress/seen.h"
#include "tests/support/catch.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace workmux::daemon {
namespace {

using test::Must;

struct World {
  World() { Restart(); }
  ~World() { ::unsetenv("SSL_CERT_FILE"); }
  // The host's own certificates: any will do.
  void Trust(const std::string& file) {
    known = Must(broker::Authority::Make({"known.example.com"})).certificate();
    REQUIRE_OK(WriteFileAtomically(dir / "known.pem", known));
    REQUIRE(::setenv("SSL_CERT_FILE", (dir / file).c_str(), 1) == 0);
  }
  void Restart() {
    gateway.reset();
    gateway.emplace(seen, runner);
  }
  EgressGateway::Grant Grant(bool with_credentials = true) {
    EgressGateway::Grant grant = {.token = Secret("token"), .socket = socket};
    if (!with_credentials) return grant;
    grant.credentials = {{.host = "a.example.com", .file = "/nowhere"},
                         {.host = "b.example.com", .file = "/nowhere"}};
    grant.authority = Must(gateway->NewAuthority(grant.credentials));
    return grant;
  }
  bool IsThere(const char* name) const { return std::filesystem::exists(dir / "s" / name); }

  test::TempDir dir;
  std::filesystem::path socket = dir / "s/proxy.sock";
  std::string known;
  test::Seen seen;
  PosixCommandRunner runner;
  std::optional<ProxyGateway> gateway;
};

}  // namespace

TEST_CASE("ProxyGateway: what programs are to trust is beside the socket as long as it is open") {
  World world;
  world.Trust("known.pem");
  const EgressGateway::Grant grant = world.Grant();
  REQUIRE_OK(world.gateway->Open("one", grant).status());
  CHECK(world.IsThere("proxy.sock"));
  const std::string own = Must(ReadFile(world.dir / "s" / egress::kAuthorityFile));
  const std::string all = Must(ReadFile(world.dir / "s" / egress::kCertificatesFile));
  CHECK(own == Must(broker::Authority::FromText(grant.authority)).certificate());
  CHECK(all == world.known + own);
  CHECK(own.find("PRIVATE KEY") == std::string::npos);
  CHECK(all.find("PRIVATE KEY") == std::string::npos);
  world.gateway->Close("one");
  CHECK_FALSE(std::filesystem::exists(world.dir / "s"));
}

TEST_CASE("ProxyGateway: the next one answers with the same authority") {
  World world;
  world.Trust("known.pem");
  const EgressGateway::Grant grant = world.Grant();
  REQUIRE_OK(world.gateway->Open("one", grant).status());
  const std::string own = Must(ReadFile(world.dir / "s" / egress::kAuthorityFile));
  world.Restart();
  CHECK(world.IsThere(egress::kAuthorityFile));  // a program may be reading it
  REQUIRE_OK(world.gateway->Open("one", grant).status());
  CHECK(Must(ReadFile(world.dir / "s" / egress::kAuthorityFile)) == own);
  // Each sandbox has one of its own.
  CHECK_FALSE(world.Grant().authority.Matches(grant.authority.Reveal()));
}

TEST_CASE("ProxyGateway: without credentials there is no authority and nothing to trust") {
  World world;
  world.Trust("absent.pem");
  REQUIRE_OK(world.gateway->Open("one", world.Grant(/*with_credentials=*/false)).status());
  CHECK_FALSE(world.IsThere(egress::kAuthorityFile));
  CHECK_FALSE(world.IsThere(egress::kCertificatesFile));
}

TEST_CASE("ProxyGateway: a sandbox is not opened with less than its credentials need") {
  World world;
  world.Trust("known.pem");
  EgressGateway::Grant grant = world.Grant();
  const EgressGateway::Grant whole = grant;
  SECTION("an authority that is none") { grant.authority = Secret("none"); }
  SECTION("an authority of other hosts") { grant.credentials[1].host = "c.example.com"; }
  SECTION("no certificates of the host's") { world.Trust("absent.pem"); }
  const absl::Status failed = world.gateway->Open("one", grant).status();
  INFO(MessageOf(failed));
  CHECK_FALSE(failed.ok());
  CHECK_FALSE(world.IsThere("proxy.sock"));
  CHECK_FALSE(world.IsThere(egress::kAuthorityFile));
  CHECK_FALSE(world.IsThere(egress::kCertificatesFile));
  world.Trust("known.pem");
  CHECK_OK(world.gateway->Open("one", whole).status());
}

}  // namespace workmux::daemon
