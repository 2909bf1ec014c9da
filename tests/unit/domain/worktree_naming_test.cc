#include "daemon/domain/worktree_naming.h"

#include "tests/support/status_matchers.h"

namespace workmux::daemon {
namespace {

using test::Must;

TEST_CASE("Slugify: words are joined with single dashes", "[naming]") {
  CHECK(Slugify("feature/Add_Login") == "feature-add-login");
  CHECK(Slugify("a  b;c$(d)`e`") == "a-b-c-d-e");
  CHECK(Slugify("--x--") == "x");
  CHECK(Slugify("../../etc") == "etc");
  CHECK(Slugify(".hidden") == "hidden");
  CHECK(Slugify("a\nb\tc") == "a-b-c");
}

TEST_CASE("Slugify: letters beyond ASCII stay, invisible and broken ones go", "[naming]") {
  CHECK(Slugify("größe/日本") == "größe-日本");
  CHECK(Slugify("a\u200Bb\u202Ec") == "a-b-c");
  CHECK(Slugify("a\xFF\xC3") == "a");
}

TEST_CASE("Slugify: is never empty and tells empty ones apart", "[naming]") {
  CHECK(Slugify("///").starts_with("worktree-"));
  CHECK(Slugify("///") != Slugify("$$$"));
}

TEST_CASE("Slugify: a long name is cut at a character and gets a hash", "[naming]") {
  const std::string a = Slugify(std::string(300, 'a') + "1");
  const std::string b = Slugify(std::string(300, 'a') + "2");
  CHECK(a.size() <= kMaxHandleBytes);
  CHECK(a != b);
  std::string wide;
  for (int i = 0; i < 100; ++i) wide += "日本";
  const std::string cut = Slugify(wide);
  CHECK(cut.size() <= kMaxHandleBytes);
  CHECK(Slugify(cut) == cut);
}

TEST_CASE("HandleFor: naming and prefix of the configuration are used", "[naming]") {
  Config config;
  config.worktree_prefix = "X ";
  CHECK(HandleFor("feature/login", config) == "x-feature-login");
  config.worktree_naming = WorktreeNaming::kBasename;
  CHECK(HandleFor("feature/login", config) == "x-login");
  CHECK(HandleFor("login", config) == "x-login");
}

TEST_CASE("CheckBranchText: names that would fail later are refused", "[naming]") {
  CHECK_OK(CheckBranchText("feature/größe"));
  CHECK_CODE(CheckBranchText(""), absl::StatusCode::kInvalidArgument);
  CHECK_CODE(CheckBranchText("-x"), absl::StatusCode::kInvalidArgument);
  CHECK_CODE(CheckBranchText("a\nb"), absl::StatusCode::kInvalidArgument);
  CHECK_CODE(CheckBranchText(std::string(300, 'a')), absl::StatusCode::kInvalidArgument);
  CHECK_OK(CheckBranchText(std::string(200, 'a') + "/" + std::string(200, 'b')));
}

TEST_CASE("WorktreeDirectory: default, templates and bare repositories", "[naming]") {
  const Repository repo{"/p/app/.git", "/p/app"};
  CHECK(Must(WorktreeDirectory(repo, "", "/h")) == "/p/app__worktrees");
  CHECK(Must(WorktreeDirectory(repo, "~/wt/{project}", "/h")) == "/h/wt/app");
  CHECK(Must(WorktreeDirectory(repo, "../trees/", "/h")) == "/p/trees");
  CHECK(Must(WorktreeDirectory(repo, ".worktrees", "/h")) == "/p/app/.worktrees");
  CHECK_CODE(WorktreeDirectory(repo, "/x/{branch}", "/h"), absl::StatusCode::kInvalidArgument);
  CHECK_CODE(WorktreeDirectory(repo, "~/x", ""), absl::StatusCode::kFailedPrecondition);
  CHECK(Must(WorktreeDirectory({"/p/app.git", ""}, "", "/h")) == "/p/app__worktrees");
  CHECK(Must(WorktreeDirectory({"/p/app/.bare", ""}, "", "/h")) == "/p/app__worktrees");
}

TEST_CASE("WindowName: control characters are gone, {project} expands", "[naming]") {
  const Repository repo{"/p/app/.git", "/p/app"};
  Config config;
  config.window_prefix = "{project}\x1b:";
  CHECK(WindowName(repo, config, "x") == "app?:x");
  CHECK(QualifiedWindowName("wm-x", repo) == "wm-x-app");
  CHECK(QualifiedWindowName("wm-x", {"/p/42/.git", "/p/42"}) == "wm-x-repo-42");
  CHECK(QualifiedWindowName("wm-x", {"/p/+/.git", "/p/+"}) == "wm-x-repo-unnamed");
}

TEST_CASE("TrashName: fits a file name whatever the directory is called", "[naming]") {
  CHECK(TrashName(std::string(255, 'x'), 1700000000).size() <= 255);
  CHECK(RecoveryRef("a b..c~", 5) == "refs/workmux/trash/a-b-c-5");
}

}  // namespace
}  // namespace workmux::daemon
