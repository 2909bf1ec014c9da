#include "daemon/domain/caller_pane.h"

#include <unistd.h>

#include "common/base/format.h"
#include "tests/support/catch.h"

namespace workmux::daemon {
namespace {

TEST_CASE("TmuxSocketOf: the server the caller stands in, the chosen one, else tmux's default") {
  Caller caller;
  CHECK(TmuxSocketOf(caller) == Format("/tmp/tmux-{}/default", ::geteuid()));
  caller.env["TMUX_TMPDIR"] = "/run/t";
  CHECK(TmuxSocketOf(caller) == Format("/run/t/tmux-{}/default", ::geteuid()));
  caller.env["WORKMUX_TMUX_SOCKET"] = "/chosen";
  CHECK(TmuxSocketOf(caller) == "/chosen");
  caller.env["TMUX"] = "/inside,12,3";
  CHECK(TmuxSocketOf(caller) == "/inside");
}

TEST_CASE("CallerPaneOf: the socket's path may hold commas") {
  Caller caller;
  CHECK_FALSE(CallerPaneOf(caller));
  caller.env = {{"TMUX", "/odd,dir/default,4711,0"}};
  CHECK_FALSE(CallerPaneOf(caller));
  caller.env["TMUX_PANE"] = "%3";
  REQUIRE(CallerPaneOf(caller));
  CHECK(CallerPaneOf(caller)->tmux_socket == "/odd,dir/default");
  CHECK(CallerPaneOf(caller)->pane_id == "%3");
  CHECK(TmuxSocketOf(caller) == "/odd,dir/default");
  caller.env["TMUX"] = "";
  CHECK_FALSE(CallerPaneOf(caller));
}

}  // namespace
}  // namespace workmux::daemon
