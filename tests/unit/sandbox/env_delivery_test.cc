#include "daemon/adapters/container/env_delivery.h"

#include "daemon/adapters/container/engine_client.h"
#include "tests/support/status_matchers.h"

namespace workmux::daemon {

TEST_CASE("EnvDelivery: only what the file cannot hold goes through the client's environment") {
  const std::string big(40u << 10, 'x');
  const EnvDelivery delivery = test::Must(DeliverEnv({{"A", "1"},
                                                      {"B", "x y = #z "},
                                                      {"C", ""},
                                                      {"D", "a\nb"},
                                                      {"E", "a\r"},
                                                      {"F", "\xff"},
                                                      {"G", big},
                                                      {"H", "é"}},
                                                     "/proc/self/fd", 3));
  CHECK(delivery.file.content == "A=1\nB=x y = #z \nC=\nH=é\n");
  CHECK(delivery.arguments == std::vector<std::string>{"--env-file", "/proc/self/fd/3", "-e", "D",
                                                       "-e", "E", "-e", "F", "-e", "G"});
  CHECK(delivery.client_env == Env{{"D", "a\nb"}, {"E", "a\r"}, {"F", "\xff"}, {"G", big}});
}

TEST_CASE("EnvDelivery: a value never changes what the client does") {
  for (const char* name : {"PATH", "HOME", "DOCKER_HOST", "LD_PRELOAD", "HTTPS_PROXY", "GODEBUG"}) {
    INFO(name);
    const auto refused = DeliverEnv({{name, "a\nb"}}, "/proc/self/fd", 3);
    CHECK(ReasonOf(refused.status()) == "ENV_VALUE_REFUSED");
    CHECK_OK(DeliverEnv({{name, "plain"}}, "/proc/self/fd", 3));
  }
}

TEST_CASE("EnvDelivery: a name cannot start another line of the file") {
  for (const char* name : {"", "#A", "A\nB", "A=B", "A B"}) {
    INFO(name);
    CHECK_CODE(DeliverEnv({{name, "1"}}, "/proc/self/fd", 3), absl::StatusCode::kInvalidArgument);
  }
}

TEST_CASE("EngineClient: the client gets what chooses the engine and nothing else") {
  const Env env = ClientEnvironment({{"PATH", "/bin"},
                                     {"DOCKER_HOST", "unix:///x"},
                                     {"LD_PRELOAD", "/evil.so"},
                                     {"AWS_SECRET", "s"}});
  CHECK(env == Env{{"PATH", "/bin"}, {"DOCKER_HOST", "unix:///x"}, {"LC_ALL", "C.UTF-8"}});
}

}  // namespace workmux::daemon
