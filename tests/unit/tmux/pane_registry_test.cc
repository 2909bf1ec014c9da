#include "daemon/adapters/tmux/pane_registry.h"

#include "tests/support/catch.h"

namespace workmux::daemon {
namespace {

KnownPane In(const std::string& window, const std::string& session = "$0") {
  return {.session_id = session, .window_id = window, .icon = ""};
}

}  // namespace

TEST_CASE("PaneRegistry: a window shows the icon set last, then the one before", "[tmux]") {
  PaneRegistry panes;
  panes.Put("%1", In("@1"));
  panes.Put("%2", In("@1"));
  panes.Put("%3", In("@2"));
  CHECK(panes.WindowIcon("@1").empty());
  panes.SetIcon("%1", "A", false);
  panes.SetIcon("%2", "B", true);
  panes.SetIcon("%3", "C", false);
  CHECK(panes.WindowIcon("@1") == "B");
  CHECK(panes.AutoClearPanes() == std::vector<std::string>{"%2"});
  panes.SetIcon("%2", "", true);
  CHECK(panes.WindowIcon("@1") == "A");
  CHECK(panes.AutoClearPanes().empty());
}

TEST_CASE("PaneRegistry: only panes known before the look at the server can be gone", "[tmux]") {
  PaneRegistry panes;
  panes.Put("%1", In("@1"));
  panes.SetIcon("%1", "A", false);
  panes.Put("%2", In("@1"));
  const auto before = panes.Ids();
  panes.Put("%3", In("@3"));  // made while the server answered
  CHECK(panes.Reconcile({{"%1", In("@9", "$4")}}, before) == std::vector<std::string>{"%2"});
  CHECK(panes.Find("%3") != nullptr);
  REQUIRE(panes.Find("%1") != nullptr);
  CHECK(panes.Find("%1")->window_id == "@9");
  CHECK(panes.Find("%1")->icon == "A");
  CHECK(panes.Sessions() == std::set<std::string>{"$0", "$4"});
}

}  // namespace workmux::daemon
