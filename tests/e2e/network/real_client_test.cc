// Programs as they come, through the proxy.

#include <cstdlib>
#include <iostream>
#include <nlohmann/json.hpp>

#include "common/base/format.h"
#include "common/base/strings.h"
#include "tests/e2e/network/restricted.h"
#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"
#include "tests/support/wait_until.h"

namespace workmux::test {
namespace {

using Catch::Contains;
using nlohmann::json;

constexpr char kAnswer[] = "Nothing to do.\n";

// Where tests/run put programs of npm's; empty, with the SKIPPED line, without them.
std::string NodePrograms() {
  const char* const dir = std::getenv("WORKMUX_TEST_AGENTS");
  if (dir != nullptr && *dir != '\0') return dir;
  std::cout << "SKIPPED: no agents are installed (tests/run does it from npm)\n";
  return {};
}

std::string Mounted(const std::string& directory) {
  return "  extra_mounts: [{host_path: " + directory + "}]\n";
}

// As npm is called by hand: nothing but where its registry is.
std::string NpmInstall(const std::string& programs) {
  return Format(
      "export PATH={0}:{0}/node_modules/.bin:$PATH HOME=/tmp/npm\n"
      "export npm_config_registry=https://registry.example.com/ npm_config_fetch_retries=0\n"
      "mkdir -p /tmp/npm/app && cd /tmp/npm/app && npm install --no-audit --no-fund wm-hello && "
      "node -p 'require(\"wm-hello\")'",
      programs);
}

// Claude Code with a question, as a script calls it.
std::string AskClaude(const std::string& programs) {
  return Format(
      "export ANTHROPIC_API_KEY=sk-ant-none HOME=/tmp/claude; mkdir -p /tmp/claude\n"
      "{}/node_modules/.bin/claude -p 'Say something.' </dev/null",
      programs);
}

std::vector<json> EventsOf(const WorkmuxWorld& world, const std::string& host) {
  std::vector<json> events;
  for (const std::string& line : SplitLines(world.Must({"net", "log", "--json", "-n", "1000"}))) {
    json event = json::parse(line);
    if (event["host"] == host) events.push_back(std::move(event));
  }
  return events;
}

bool Has(const std::vector<json>& events, const std::string& kind) {
  for (const json& event : events) {
    if (event["event"] == kind) return true;
  }
  return false;
}

}  // namespace

TEST_CASE("Restricted network: curl reaches allowed hosts, and no other", "[network]") {
  const std::string engine = GENERATE(from_range(EnginesInInternet()));
  if (!CanUseInInternet(engine)) return;
  INFO(engine);
  const Restricted restricted(engine, "    allowed_domains: [\"*.example.com\"]\n");
  const auto curl = [](const std::string& host) {
    return "curl --silent --show-error --max-time 20 https://" + host + "/whoami";
  };
  const CommandResult reached = restricted.Inside(curl("api.example.com"));
  INFO(reached.err);
  CHECK(reached.out == "api.example.com\n");
  const CommandResult refused = restricted.Inside(curl("evil.example.net"));
  CHECK_FALSE(refused.exit.ok());
  CHECK_THAT(refused.err, Contains("403"));
  // Control: an open network, or the rule.
  if (engine == "namespace")
    CHECK(restricted.InOpenSandbox(curl("evil.example.net")).out == "evil.example.net\n");
  restricted.world.Must({"net", "allow", "evil.example.net"});
  CHECK(restricted.Inside(curl("evil.example.net")).out == "evil.example.net\n");
}

TEST_CASE("Restricted network: npm installs from an allowed registry, and from no other",
          "[network]") {
  const std::string engine = GENERATE(from_range(EnginesInInternet()));
  const std::string programs = NodePrograms();
  if (programs.empty() || !CanUseInInternet(engine)) return;
  INFO(engine);
  const Restricted restricted(engine, "    allowed_domains: [git.example.com]\n",
                              Mounted(programs));
  const CommandResult refused = restricted.Inside(NpmInstall(programs));
  CHECK_FALSE(refused.exit.ok());
  CHECK_THAT(refused.err, Contains("npm") && Contains("403"));
  // Control: the rule.
  restricted.world.Must({"net", "allow", "registry.example.com"});
  const CommandResult installed = restricted.Inside(NpmInstall(programs));
  INFO(installed.out << installed.err);
  CHECK(installed.exit.ok());
  CHECK_THAT(installed.out, Contains("added 1 package"));
  CHECK_THAT(installed.out, Catch::EndsWith("hello from the registry\n"));
}

TEST_CASE("Real agent: Claude Code works with the hosts of its preset alone", "[network]") {
  const std::string engine = GENERATE(from_range(EnginesInInternet()));
  const std::string programs = NodePrograms();
  if (programs.empty() || !CanUseInInternet(engine)) return;
  INFO(engine);
  const Restricted restricted(engine, "    presets: [claude]\n", Mounted(programs));
  const CommandResult answered = restricted.Inside(AskClaude(programs));
  INFO(answered.out << answered.err);
  CHECK(answered.exit.ok());
  CHECK(answered.out == kAnswer);
  CHECK(Has(EventsOf(restricted.world, "api.anthropic.com"), "allowed"));
}

TEST_CASE("Real agent: Claude Code asks under a key that it does not hold", "[network]") {
  const std::string engine = GENERATE(from_range(EnginesInInternet()));
  const std::string programs = NodePrograms();
  if (programs.empty() || !CanUseInInternet(engine)) return;
  INFO(engine);
  const Restricted restricted(engine,
                              "    presets: [claude]\n    credentials:\n"
                              "      - {host: api.anthropic.com, header: x-api-key, file: ~/key, "
                              "env: ANTHROPIC_API_KEY}\n",
                              Mounted(programs));
  const std::filesystem::path key = restricted.world.home() / "key";
  WriteFile(key, "a-key-of-the-host\n");
  std::filesystem::permissions(key, std::filesystem::perms::owner_read);
  const CommandResult answered = restricted.Inside(
      Format("export HOME=/tmp/claude NODE_EXTRA_CA_CERTS=/run/workmux/bridge/authority.pem\n"
             "mkdir -p /tmp/claude; echo $ANTHROPIC_API_KEY\n"
             "{}/node_modules/.bin/claude -p 'Say something.' </dev/null",
             programs));
  INFO(answered.out << answered.err);
  CHECK(answered.exit.ok());
  CHECK(answered.out == std::string("kept-by-workmux\n") + kAnswer);
  const std::string keys = ReadWholeFile(restricted.internet.authority().parent_path() / "keys");
  CHECK_THAT(keys, Contains("a-key-of-the-host\n"));
  CHECK_THAT(keys, !Contains("kept-by-workmux"));
}

// Control: the rule that is added meanwhile.
TEST_CASE("Real agent: Claude Code that is refused goes on once its host is allowed", "[network]") {
  const std::string engine = GENERATE(from_range(EnginesInInternet()));
  const std::string programs = NodePrograms();
  if (programs.empty() || !CanUseInInternet(engine)) return;
  INFO(engine);
  const Restricted restricted(engine, "", Mounted(programs));
  const auto agent = restricted.Start(AskClaude(programs));
  const auto log = [&] { return EventsOf(restricted.world, "api.anthropic.com"); };
  const bool refused = WaitUntil([&] { return Has(log(), "refused"); }, std::chrono::seconds(40));
  INFO(agent->out() << agent->err());
  REQUIRE(refused);
  CHECK_FALSE(Has(log(), "allowed"));
  restricted.world.Must({"net", "allow", "api.anthropic.com"});
  // The same process: it tries again by itself.
  CHECK(agent->Wait(std::chrono::seconds(90)) == 0);
  CHECK(agent->out() == kAnswer);
  CHECK(Has(log(), "refused"));
  CHECK(Has(log(), "allowed"));
}

}  // namespace workmux::test
