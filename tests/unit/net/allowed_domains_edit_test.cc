#include "daemon/config/allowed_domains_edit.h"

#include <sys/stat.h>

#include "common/io/file.h"
#include "tests/support/catch.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace workmux::daemon {
namespace {

using test::Must;

egress::HostRule Rule(std::string_view text, bool allow_private_ips = false) {
  return Must(egress::ParseHostRule(text, allow_private_ips));
}

std::string Edited(std::string_view text, std::string_view host = "new.example.com") {
  return Must(WithAllowedDomain(text, "config.yaml", Rule(host)));
}

std::string RefusalOf(std::string_view text) {
  return ReasonOf(WithAllowedDomain(text, "config.yaml", Rule("new.example.com")).status());
}

TEST_CASE("WithAllowedDomain: an item comes after the last one, everything else stays") {
  CHECK(Edited("# mine\nsandbox:\n  network:\n    policy: deny # strict\n    allowed_domains:\n"
               "      # the API\n      - a.example.com   # why\n      - \"*.b.example.com\"\n\n"
               "    sni: log\nagent: codex\n") ==
        "# mine\nsandbox:\n  network:\n    policy: deny # strict\n    allowed_domains:\n"
        "      # the API\n      - a.example.com   # why\n      - \"*.b.example.com\"\n"
        "      - new.example.com\n\n    sni: log\nagent: codex\n");
}

TEST_CASE("WithAllowedDomain: a list that is not indented, one of objects, and the file's end") {
  CHECK(Edited("sandbox:\n  network:\n    allowed_domains:\n    - a.example.com\n    sni: off\n") ==
        "sandbox:\n  network:\n    allowed_domains:\n    - a.example.com\n    - new.example.com\n"
        "    sni: off\n");
  CHECK(Edited("sandbox:\n  network:\n    allowed_domains:\n      - host: a.example.com\n"
               "        allow_private_ips: true\n") ==
        "sandbox:\n  network:\n    allowed_domains:\n      - host: a.example.com\n"
        "        allow_private_ips: true\n      - new.example.com\n");
  CHECK(Edited("sandbox:\n  network:\n    allowed_domains:\n      - a.example.com") ==
        "sandbox:\n  network:\n    allowed_domains:\n      - a.example.com\n"
        "      - new.example.com");
}

TEST_CASE("WithAllowedDomain: sections that are missing are made") {
  const std::string section =
      "sandbox:\n  network:\n    allowed_domains:\n      - new.example.com\n";
  CHECK(Edited("") == section);
  CHECK(Edited("# nothing yet\n") == "# nothing yet\n" + section);
  CHECK(Edited("agent: codex\n") == "agent: codex\n" + section);
  CHECK(Edited("sandbox:\n  enabled: true\n  # end\nagent: codex\n") ==
        "sandbox:\n  enabled: true\n  network:\n    allowed_domains:\n      - new.example.com\n"
        "  # end\nagent: codex\n");
  CHECK(Edited("sandbox:\n    network:\n        policy: deny\n") ==
        "sandbox:\n    network:\n        policy: deny\n        allowed_domains:\n"
        "          - new.example.com\n");
  CHECK(Edited("sandbox:\n  network:\n    allowed_domains:\n    policy: deny\n") ==
        "sandbox:\n  network:\n    allowed_domains:\n      - new.example.com\n    policy: deny\n");
}

TEST_CASE("WithAllowedDomain: lines end as the file's do, wildcards are quoted") {
  CHECK(Edited("sandbox:\r\n  network:\r\n    allowed_domains:\r\n      - a.example.com\r\n",
               "*.new.example.com") ==
        "sandbox:\r\n  network:\r\n    allowed_domains:\r\n      - a.example.com\r\n"
        "      - \"*.new.example.com\"\r\n");
}

TEST_CASE("WithAllowedDomain: what is there already is not written again") {
  const std::string text = "sandbox: {network: {allowed_domains: [New.example.com]}}\n";
  CHECK(Edited(text) == text);
  CHECK(ReasonOf(WithAllowedDomain(text, "f", Rule("new.example.com", true)).status()) ==
        "CONFIG_NOT_EDITABLE");
}

TEST_CASE("WithAllowedDomain: what is not certain is left to a person") {
  for (const char* text :
       {"sandbox:\n  network:\n    allowed_domains: [a.example.com]\n",
        "sandbox:\n  network:\n    allowed_domains: [a.example.com,\n      b.example.com]\n",
        "sandbox:\n  network:\n    allowed_domains: []\n", "sandbox: {enabled: true}\n",
        "sandbox:\n  network: {policy: deny}\n", "{agent: codex}\n", "agent: codex\n...\n",
        "sandbox:\n  network:\n    allowed_domains:\n      - a.example.com\n      - >-\n"
        "        b.example.com\n"}) {
    INFO(text);
    CHECK(RefusalOf(text) == "CONFIG_NOT_EDITABLE");
  }
  const absl::Status refused =
      WithAllowedDomain("sandbox: {enabled: true}\n", "f", Rule("*.x.example.com")).status();
  CHECK(HintOf(refused).find("\"*.x.example.com\"") != std::string::npos);
}

TEST_CASE("WithAllowedDomain: a broken file is told about and not touched") {
  for (const char* text : {"sandbox:\n\tnetwork:\n", "sandbox: [\n", "agent: [1]\n"}) {
    INFO(text);
    CHECK_FALSE(WithAllowedDomain(text, "f", Rule("new.example.com")).ok());
  }
}

TEST_CASE("SaveAllowedDomain: makes the file, keeps its mode and a link to it") {
  test::TempDir dir;
  const auto file = dir.path() / "workmux/config.yaml";
  CHECK(Must(SaveAllowedDomain(dir.path() / "workmux", Rule("a.example.com"))) == file);
  CHECK(Must(SaveAllowedDomain(dir.path() / "workmux", Rule("a.example.com"))).empty());
  std::filesystem::rename(file, dir.path() / "kept.yaml");
  std::filesystem::create_symlink(dir.path() / "kept.yaml", file);
  REQUIRE(::chmod((dir.path() / "kept.yaml").c_str(), 0640) == 0);
  REQUIRE_OK(SaveAllowedDomain(dir.path() / "workmux", Rule("b.example.com")));
  CHECK(std::filesystem::is_symlink(file));
  struct stat info {};
  REQUIRE(::stat(file.c_str(), &info) == 0);
  CHECK((info.st_mode & 0777) == 0640);
  CHECK(Must(ReadFile(file)) ==
        "sandbox:\n  network:\n    allowed_domains:\n      - a.example.com\n"
        "      - b.example.com\n");
}

}  // namespace
}  // namespace workmux::daemon
