// Keys of restricted sandboxes that stay outside of them: what programs find inside.

#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/support/catch.h"
#include "tests/support/status_matchers.h"
#include "tests/support/wait_until.h"
#include "tests/support/workmux_world.h"

namespace workmux::test {
namespace {

using nlohmann::json;

constexpr char kKey[] = "s3cret-of-the-host";

// What a program finds: the variable, certificates it can read and not change, and in how
// many environments of its sandbox the key is.
constexpr char kLook[] =
    "echo \"$API_KEY\"; "
    "for f in \"$SSL_CERT_FILE\" \"$NODE_EXTRA_CA_CERTS\"; do grep -q 'BEGIN CERTIFICATE' \"$f\" "
    "&& "
    "echo read; echo x 2>/dev/null >\"$f\" || echo kept; done; "
    "grep -c 'BEGIN CERTIFICATE' \"$NODE_EXTRA_CA_CERTS\"; "
    "grep -q 'PRIVATE KEY' /run/workmux/bridge/*.pem || echo public; "
    "cat /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n' | grep -c s3cret-of-the-host";
constexpr char kFound[] = "kept-by-workmux\nread\nkept\nread\nkept\n1\npublic\n0";

std::string Config(const std::string& engine, const std::string& network) {
  return SandboxConfigFor(engine) + "  env_passthrough: [API_KEY, OTHER]\n  network:\n" + network;
}

constexpr char kCredentials[] =
    "    policy: deny\n"
    "    credentials:\n"
    "      - {host: API.example.com, file: ~/key, env: API_KEY, allow: [\"GET /v1/**\"]}\n"
    "      - {host: b.example.com, header: X-Key, command: [cat, /nowhere]}\n";

struct World : WorkmuxWorld {
  explicit World(const std::string& config) : WorkmuxWorld(config) {
    env()["API_KEY"] = kKey;
    std::ofstream(home() / "key") << kKey;
    std::filesystem::permissions(home() / "key", std::filesystem::perms::owner_read);
  }
};

}  // namespace

// Control: the same with a variable that belongs to no credential.
TEST_CASE("credentials: each command in a sandbox finds certificates and a placeholder") {
  const std::pair<std::string, std::string> ways[] = {
      {"namespace", ""}, {"docker", ""}, {"podman", ""}, {"docker", "    enforcement: firewall\n"}};
  for (const auto& [engine, enforcement] : ways) {
    if (!CanUse(engine)) continue;
    INFO(engine << enforcement);
    World world(Config(engine, enforcement + kCredentials));
    const auto first =
        world.Start({"sandbox", "run", ".", "--",
                     "{ " + std::string(kLook) + "; } > first; while sleep 1; do :; done"});
    const auto read = [&world] {
      std::ifstream file(world.repo() / "first");
      std::string text(std::istreambuf_iterator<char>(file), {});
      if (!text.empty()) text.pop_back();
      return text;
    };
    REQUIRE(
        WaitUntil([&] { return read().size() >= sizeof kFound - 1; }, std::chrono::seconds(30)));
    CHECK(read() == kFound);
    CHECK(world.Run({"sandbox", "shell", "--", "sh", "-c", kLook}).out ==
          std::string(kFound) + "\n");
    if (engine != "namespace") {
      CHECK(world.Run({"sandbox", "shell", "--exec", "--", "sh", "-c", kLook}).out ==
            std::string(kFound) + "\n");
    }
    world.env()["OTHER"] = kKey;
    const std::string other = world.Run({"sandbox", "run", ".", "--", kLook}).out;
    CHECK(other.starts_with("kept-by-workmux\n"));
    CHECK_FALSE(other.ends_with("\n0\n"));
  }
}

TEST_CASE("workmux net why: names the key of a host, of the configuration and of a sandbox") {
  if (!HaveBubblewrap()) return;
  World world(Config("namespace", kCredentials));
  const std::string key = (world.home() / "key").string();
  const json configured = json::parse(world.Must({"net", "why", "api.example.com", "--json"}));
  CHECK(configured["allowed"] == true);
  CHECK(configured["rule"] == "api.example.com");
  CHECK(configured["credential"] == json({{"header", "authorization"},
                                          {"file", "~/key"},
                                          {"command", json::array()},
                                          {"allow", {"GET /v1/**"}}}));
  const std::string text = world.Must({"net", "why", "b.example.com"});
  INFO(text);
  CHECK(text.find("\n  x-key is set outside of the sandbox, from the command cat /nowhere") !=
        std::string::npos);
  CHECK(json::parse(world.Must({"net", "why", "c.example.com", "--json"}))["credential"].is_null());

  const auto program = world.Start({"sandbox", "run", ".", "--", "touch up; sleep 600"});
  REQUIRE(WaitUntil([&] { return std::filesystem::exists(world.repo() / "up"); },
                    std::chrono::seconds(30)));
  // What a sandbox was started with counts until it ends.
  world.SetConfig(Config("namespace", "    policy: deny\n"));
  const json list = json::parse(world.Must({"sandbox", "list", "--json"}));
  INFO(list.dump());
  const std::string sandbox = list[0]["name"];
  const json frozen =
      json::parse(world.Must({"net", "why", "api.example.com", "--sandbox", sandbox, "--json"}));
  CHECK(frozen["credential"]["file"] == key);
  world.KillDaemon();
  world.Must({"list"});
  CHECK(json::parse(world.Must(
            {"net", "why", "api.example.com", "--sandbox", sandbox, "--json"})) == frozen);
}

}  // namespace workmux::test
