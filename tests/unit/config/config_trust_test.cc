#include "daemon/config/config_trust.h"

#include "tests/support/catch.h"
#include "tests/support/status_matchers.h"

namespace workmux::daemon {
namespace {

TEST_CASE("ConfigTrust: a changed file needs review once a sandbox has existed", "[config]") {
  using enum ConfigTrust;
  const std::set<std::string> none;
  const std::set<std::string> approved = {"aa", "bb"};
  const std::set<std::string> approved_absence = {std::string(kNoProjectFile)};
  struct Case {
    bool sandbox;
    const std::set<std::string>& approved;
    std::string current;
    ConfigTrust trust;
  };
  const Case cases[] = {
      {false, none, "aa", kTrusted},
      {false, none, "", kTrusted},
      {true, none, "aa", kNeedsReview},
      {true, none, "", kNeedsReview},
      {true, approved, "bb", kTrusted},
      {true, approved, "cc", kNeedsReview},
      {true, approved, "", kNeedsReview},
      {true, approved_absence, "", kTrusted},
      {true, approved_absence, "aa", kNeedsReview},
  };
  for (const Case& c : cases) {
    INFO(c.sandbox << " " << c.current);
    CHECK(DecideConfigTrust(c.sandbox, c.approved, c.current) == c.trust);
  }
}

TEST_CASE("ConfigTrust: SHA-256 gives the standard's digests", "[config]") {
  CHECK(test::Must(Sha256Hex("")) ==
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(test::Must(Sha256Hex("abc")) ==
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

}  // namespace
}  // namespace workmux::daemon
