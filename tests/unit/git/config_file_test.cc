#include "daemon/adapters/git/config_file.h"

#include "common/base/strings.h"
#include "tests/support/catch.h"
#include "tests/support/git_repo.h"

namespace workmux::daemon {
namespace {

constexpr char kSample[] =
    "; comment\n[core]\n\tbare = false # no\n  FileMode\n\tworktree = \"a b;c\" \n"
    "[remote \"O.r\\\"x\"] url=one\n\turl = two\\\n  three\n[Workmux \"worktree.docs\"]\n"
    "\twindow-token = 0123\n\tmode =   window mode  \n[old.Style]\nk=\"q\\tx\\\\\"y\n[empty]\n"
    "[last]\nkey = \\\"v";

}  // namespace

TEST_CASE("ConfigFile: values, quotes, comments and continuations") {
  const auto config = ConfigFile::Parse(kSample);
  REQUIRE(config);
  CHECK(config->Get("core.bare") == "false");
  CHECK(config->GetBool("CORE.filemode", false));
  CHECK(config->Get("core.worktree") == "a b;c");
  CHECK(config->Get("remote.O.r\"x.url") == "two  three");
  CHECK(config->Get("workmux.worktree.docs.mode") == "window mode");
  CHECK(config->Get("workmux.Worktree.docs.mode") == std::nullopt);
  CHECK(config->Get("old.style.k") == "q\tx\\y");
  CHECK(config->HasSection("empty"));
  CHECK(config->HasSection("WORKMUX.worktree.docs"));
  CHECK(!config->HasSection("workmux.worktree"));
}

TEST_CASE("ConfigFile: agrees with git about every key of a file") {
  const test::GitRepo repo;
  const auto file = repo.area() / "sample";
  test::WriteFile(file, kSample);
  const auto config = ConfigFile::Parse(kSample);
  REQUIRE(config);
  const std::string listed = repo.TryGit({"config", "--file", file.string(), "-z", "--list"}).out;
  int seen = 0;
  for (const std::string& entry : Split(listed, '\0')) {
    if (entry.empty()) continue;
    const std::string key = entry.substr(0, entry.find('\n'));
    INFO(key);
    const auto value = repo.TryGit({"config", "--file", file.string(), "-z", "--get", key}).out;
    const std::string expected =
        entry.find('\n') == std::string::npos ? "true" : value.substr(0, value.size() - 1);
    CHECK(config->Get(key) == expected);
    ++seen;
  }
  CHECK(seen == 9);
}

TEST_CASE("ConfigFile: what git refuses is refused, at any cut and any byte") {
  for (const char* bad : {"key = outside", "[a", "[a \"b]\nk=1", "[a]\nk = \"open", "[a]\nk = \\q",
                          "[a]\n1k = 2", "[a]\nk v", "[a b]\nk=1"}) {
    INFO(bad);
    CHECK(!ConfigFile::Parse(bad));
  }
  const std::string_view sample(kSample);
  for (std::size_t i = 0; i < sample.size(); ++i) {
    (void)ConfigFile::Parse(sample.substr(0, i));
    std::string changed(sample);
    for (const char c : {'\0', '"', '\\', '[', '\n', '\xff'}) {
      changed[i] = c;
      (void)ConfigFile::Parse(changed);
    }
  }
}

}  // namespace workmux::daemon
