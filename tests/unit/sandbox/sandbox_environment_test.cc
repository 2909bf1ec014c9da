#include "daemon/domain/sandbox_environment.h"

#include "tests/support/status_matchers.h"

namespace workmux::daemon {

TEST_CASE("SandboxEnvironment: complete, and nothing of the caller's but what was asked for") {
  SandboxEnvironmentInput input;
  input.caller = {{"TERM", "tmux-256color"},
                  {"COLORTERM", "truecolor"},
                  {"LANG", "de_DE.UTF-8"},
                  {"AWS_SECRET", "s"},
                  {"TOKEN", "t"},
                  {"PATH", "/home/u/bin"}};
  input.passthrough = {"TOKEN", "UNSET"};
  input.configured = {{"GH_TOKEN", "g"}};
  input.agent = {{"CODEX_HOME", "/home/user/.codex"}};
  input.home = "/tmp";
  input.git_name = "A U Thor";
  input.git_email = "a@example.org";
  input.bridge = {"host.docker.internal", 4242, Secret("tok")};
  CHECK(test::Must(BuildSandboxEnvironment(input)) ==
        Env{{"TERM", "tmux-256color"},
            {"COLORTERM", "truecolor"},
            {"LANG", "C.UTF-8"},
            {"TOKEN", "t"},
            {"GH_TOKEN", "g"},
            {"CODEX_HOME", "/home/user/.codex"},
            {"HOME", "/tmp"},
            {"PATH",
             "/run/workmux/bin:/tmp/.local/bin:/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/"
             "sbin:/sbin"},
            {"GIT_CONFIG_COUNT", "2"},
            {"GIT_CONFIG_KEY_0", "user.name"},
            {"GIT_CONFIG_VALUE_0", "A U Thor"},
            {"GIT_CONFIG_KEY_1", "user.email"},
            {"GIT_CONFIG_VALUE_1", "a@example.org"},
            {"WM_SANDBOX_GUEST", "1"},
            {"WM_RPC_HOST", "host.docker.internal"},
            {"WM_RPC_PORT", "4242"},
            {"WM_RPC_TOKEN", "tok"}});
}

TEST_CASE(
    "SandboxEnvironment: without a bridge nothing of it is set, and a chosen PATH follows the "
    "guest's") {
  SandboxEnvironmentInput input;
  input.home = "/home/u";
  input.configured = {{"PATH", "/opt/x/bin"}};
  input.path_dirs = {"/home/u/.nvm/bin", "/home/u/odd:name"};
  const Env env = test::Must(BuildSandboxEnvironment(input));
  CHECK(env.at("PATH") == "/run/workmux/bin:/home/u/.nvm/bin:/opt/x/bin");
  CHECK_FALSE(env.contains("WM_SANDBOX_GUEST"));
  CHECK_FALSE(env.contains("GIT_CONFIG_COUNT"));
}

TEST_CASE("SandboxEnvironment: PATH lists no directory twice") {
  SandboxEnvironmentInput input;
  input.home = "/home/u";
  input.path_dirs = {"/run/workmux/bin", "/usr/bin", "/home/u/.local/bin"};
  CHECK(test::Must(BuildSandboxEnvironment(input)).at("PATH") ==
        "/run/workmux/bin:/usr/bin:/home/u/.local/bin:/usr/local/bin:/bin:/usr/local/sbin:"
        "/usr/sbin:/sbin");
  input.configured = {{"PATH", "/usr/bin:/opt/x/bin:/opt/x/bin"}};
  CHECK(test::Must(BuildSandboxEnvironment(input)).at("PATH") ==
        "/run/workmux/bin:/usr/bin:/home/u/.local/bin:/opt/x/bin");
}

TEST_CASE("SandboxEnvironment: names that the engine's client obeys are refused") {
  for (const char* name : {"LD_PRELOAD", "DOCKER_HOST", "CONTAINER_HOST", "CONTAINERS_CONF",
                           "WM_RPC_TOKEN", "HOME", "GIT_CONFIG_COUNT"}) {
    INFO(name);
    SandboxEnvironmentInput input;
    input.home = "/tmp";
    input.passthrough = {name};
    CHECK(ReasonOf(BuildSandboxEnvironment(input).status()) == "ENV_NAME_REFUSED");
    input.passthrough.clear();
    input.configured = {{name, "x"}};
    CHECK(ReasonOf(BuildSandboxEnvironment(input).status()) == "ENV_NAME_REFUSED");
  }
  for (const char* name : {"", "1A", "A B", "A=B", "A\nB"}) {
    INFO(name);
    CHECK(ReasonOf(CheckEnvironmentName(name)) == "ENV_NAME_INVALID");
  }
  CHECK_OK(CheckEnvironmentName("GITHUB_TOKEN"));
}

namespace {

SandboxEnvironmentInput WithCredentials() {
  SandboxEnvironmentInput input;
  input.home = "/tmp";
  input.proxy = {.host = "127.0.0.1",
                 .port = 3128,
                 .token = Secret("t"),
                 .services = {},
                 .credentials = {{.host = "a.com", .variable = "A_KEY"},
                                 {.host = "b.com", .variable = ""},
                                 {.host = "c.com", .variable = "C_KEY"}},
                 .authority_dir = "/run/here"};
  return input;
}

}  // namespace

TEST_CASE("SandboxEnvironment: a credential's variable is a placeholder whoever else sets it") {
  SandboxEnvironmentInput input = WithCredentials();
  input.caller = {{"A_KEY", "real"}};
  input.passthrough = {"A_KEY"};
  input.agent = {{"C_KEY", "real"}};
  input.configured = {{"C_KEY", "real"}, {"A_KEY", "real"}, {"OTHER", "mine"}};
  const Env env = test::Must(BuildSandboxEnvironment(input));
  CHECK(env.at("A_KEY") == "kept-by-workmux");
  CHECK(env.at("C_KEY") == "kept-by-workmux");
  CHECK(env.at("OTHER") == "mine");
  CHECK_FALSE(env.contains(""));
}

TEST_CASE("SandboxEnvironment: a credential cannot take the way out of the sandbox away") {
  SandboxEnvironmentInput input = WithCredentials();
  input.proxy->credentials = {{.host = "a.com", .variable = "HTTPS_PROXY"}};
  CHECK(test::Must(BuildSandboxEnvironment(input)).at("HTTPS_PROXY") ==
        "http://workmux:t@127.0.0.1:3128");
}

TEST_CASE("SandboxEnvironment: with credentials programs are told which certificates to trust") {
  SandboxEnvironmentInput input = WithCredentials();
  input.caller = {{"SSL_CERT_FILE", "/etc/host.pem"}};
  input.passthrough = {"SSL_CERT_FILE"};
  input.configured = {{"CURL_CA_BUNDLE", "/certs/mine.pem"}};
  const Env env = test::Must(BuildSandboxEnvironment(input));
  for (const char* name : {"SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "GIT_SSL_CAINFO",
                           "CARGO_HTTP_CAINFO", "AWS_CA_BUNDLE", "PIP_CERT", "DENO_CERT"}) {
    INFO(name);
    CHECK(env.at(name) == "/run/here/certificates.pem");
  }
  CHECK(env.at("NODE_EXTRA_CA_CERTS") == "/run/here/authority.pem");
  CHECK(env.at("CURL_CA_BUNDLE") == "/certs/mine.pem");
  input.proxy->credentials.clear();
  const Env without = test::Must(BuildSandboxEnvironment(input));
  CHECK(without.at("SSL_CERT_FILE") == "/etc/host.pem");
  CHECK_FALSE(without.contains("NODE_EXTRA_CA_CERTS"));
}

}  // namespace workmux::daemon
