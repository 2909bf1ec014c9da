#include "cli/client/invocation_context.h"

#include "cli/client/daemon_launcher.h"
#include "tests/support/catch.h"
#include "tests/support/status_matchers.h"
#include "workmux/control/v1/common.pb.h"

namespace workmux::cli {
namespace {

TEST_CASE("IsUtf8: overlong forms, surrogates and cut sequences are refused", "[cli]") {
  CHECK(IsUtf8(""));
  CHECK(IsUtf8("gr\xc3\xbc\xc3\x9f \xf0\x9f\xa4\x96"));
  CHECK_FALSE(IsUtf8("\xc0\xaf"));
  CHECK_FALSE(IsUtf8("\xe0\x80\x80"));
  CHECK_FALSE(IsUtf8("\xed\xa0\x80"));
  CHECK_FALSE(IsUtf8("\xf4\x90\x80\x80"));
  CHECK_FALSE(IsUtf8("a\xe2\x82"));
  CHECK_FALSE(IsUtf8("\x80"));
}

TEST_CASE("FillContext: a variable that is not UTF-8 is left out and the rest travels", "[cli]") {
  const Invocation invocation{.env = {{"GOOD", "1"}, {"BAD", "\xff"}},
                              .cwd = "/src",
                              .cli_path = "/bin/w",
                              .interactive = true};
  control::v1::InvocationContext context;
  REQUIRE_OK(FillContext(invocation, context));
  CHECK(context.env().count("GOOD") == 1);
  CHECK(context.env().count("BAD") == 0);
  CHECK(context.cwd() == "/src");
  CHECK(context.interactive());
  control::v1::InvocationContext other;
  CHECK(other.ParseFromString(context.SerializeAsString()));
}

TEST_CASE("FillContext: a directory that is not UTF-8 is an error", "[cli]") {
  control::v1::InvocationContext context;
  CHECK_CODE(
      FillContext({.env = {}, .cwd = "/\xff", .cli_path = {}, .interactive = false}, context),
      absl::StatusCode::kInvalidArgument);
}

TEST_CASE("FillPaneContext: no secret of the caller travels with a status", "[cli]") {
  const Invocation invocation{.env = {{"TMUX", "/t,1,0"},
                                      {"TMUX_PANE", "%1"},
                                      {"WORKMUX_SOCKET", "/s"},
                                      {"API_KEY", "secret"}},
                              .cwd = "/src",
                              .cli_path = {},
                              .interactive = false};
  control::v1::InvocationContext context;
  REQUIRE_OK(FillPaneContext(invocation, context));
  CHECK(context.env().size() == 3);
  CHECK(context.env().count("API_KEY") == 0);
}

TEST_CASE("DaemonEnv: the daemon keeps places, locale and engine, and no secrets of its starter",
          "[cli]") {
  const Env kept = DaemonEnv({{"HOME", "/h"},
                              {"LC_ALL", "C"},
                              {"XDG_STATE_HOME", "/s"},
                              {"API_KEY", "secret"},
                              {"LD_PRELOAD", "/x.so"},
                              {"DOCKER_HOST", "tcp://h"},
                              {"SSL_CERT_FILE", "/ca.pem"},
                              {"DOCKER_AUTH_CONFIG", "secret"}});
  CHECK(kept.size() == 5);
  CHECK(kept.contains("DOCKER_HOST"));
  CHECK(kept.contains("SSL_CERT_FILE"));
  CHECK(kept.contains("HOME"));
  CHECK_FALSE(kept.contains("LD_PRELOAD"));
}

}  // namespace
}  // namespace workmux::cli
