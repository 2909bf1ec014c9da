#include "tests/integration/git/git_fixture.h"

namespace workmux::daemon {

TEST_CASE("ResolveRef: loose, packed, symbolic and absent") {
  GitFixture f;
  const std::string id = f.Id("HEAD");
  f.repo.Git({"branch", "a/b"});
  f.repo.Git({"symbolic-ref", "refs/heads/alias", "refs/heads/main"});
  const auto check = [&] {
    CHECK(test::Must(f.git.ResolveRef(f.repository(), "refs/heads/main")) == id);
    CHECK(test::Must(f.git.ResolveRef(f.repository(), "refs/heads/a/b")) == id);
    CHECK(test::Must(f.git.ResolveRef(f.repository(), "refs/heads/alias")) == id);
    for (const char* absent : {"refs/heads/none", "refs/heads/a", "refs/heads/main/x",
                               "refs/heads/../../config", "main", "HEAD", "--all"}) {
      INFO(absent);
      CHECK_CODE(f.git.ResolveRef(f.repository(), absent), absl::StatusCode::kNotFound);
    }
  };
  check();
  f.repo.Git({"pack-refs", "--all"});
  check();
  CHECK(test::Must(f.git.BranchExists(f.repository(), "a/b")));
  CHECK(!test::Must(f.git.BranchExists(f.repository(), "a")));
  CHECK(!test::Must(f.git.BranchExists(f.repository(), "-x; rm")));
}

TEST_CASE("ResolveCommit: names, ids and what is no commit") {
  GitFixture f;
  const std::string first = f.Id("HEAD");
  f.repo.Commit("file.txt", "second\n");
  f.repo.Git({"tag", "-a", "-m", "t", "v1", first});
  CHECK(test::Must(f.git.ResolveCommit(f.repository(), "main~1")) == first);
  CHECK(test::Must(f.git.ResolveCommit(f.repository(), "v1")) == first);
  CHECK(test::Must(f.git.ResolveCommit(f.repository(), first)) == first);
  for (const std::string& absent :
       {std::string("none"), std::string("main:file.txt"), std::string("a b"),
        std::string(300, 'x'), std::string(40, '1')}) {
    INFO(absent);
    CHECK_CODE(f.git.ResolveCommit(f.repository(), absent), absl::StatusCode::kNotFound);
  }
  CHECK_CODE(f.git.ResolveCommit(f.repository(), "--help"), absl::StatusCode::kInvalidArgument);
  const Repository nowhere{.common_dir = f.repo.area() / "none", .main_worktree = {}};
  CHECK(f.git.ResolveCommit(nowhere, "main").status().code() == absl::StatusCode::kInternal);
}

TEST_CASE("UpdateRef: compare and swap") {
  GitFixture f;
  const std::string first = f.Id("HEAD");
  const std::string second = f.repo.Commit("file.txt", "second\n");
  const auto update = [&](const std::string& to, const std::string& from) {
    return f.git.UpdateRef(f.repository(), "refs/heads/x", to, from);
  };
  REQUIRE_OK(update(first, ""));
  CHECK(f.Id("x") == first);
  CHECK(ReasonOf(update(second, "")) == "REF_CHANGED");
  CHECK_CODE(update(first, second), absl::StatusCode::kAborted);
  REQUIRE_OK(update(second, first));
  CHECK_CODE(update("", first), absl::StatusCode::kAborted);
  CHECK(f.Id("x") == second);
  REQUIRE_OK(update("", second));
  CHECK(!test::Must(f.git.BranchExists(f.repository(), "x")));
  CHECK_CODE(update("", second), absl::StatusCode::kAborted);
  CHECK_CODE(update("", ""), absl::StatusCode::kInvalidArgument);
  CHECK_CODE(update("main", ""), absl::StatusCode::kInvalidArgument);
  CHECK_CODE(f.git.UpdateRef(f.repository(), "--stdin", first, ""),
             absl::StatusCode::kInvalidArgument);
}

TEST_CASE("MainBranch: origin's HEAD, then main, then master") {
  GitFixture f;
  f.repo.Git({"branch", "master"});
  CHECK(test::Must(f.git.MainBranch(f.repository())) == "main");
  f.repo.Git({"branch", "-m", "main", "work"});
  CHECK(test::Must(f.git.MainBranch(f.repository())) == "master");
  f.repo.Git({"branch", "-D", "master"});
  CHECK_CODE(f.git.MainBranch(f.repository()), absl::StatusCode::kNotFound);
  f.repo.Git({"update-ref", "refs/remotes/origin/dev/line", "HEAD"});
  f.repo.Git({"symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/dev/line"});
  CHECK(test::Must(f.git.MainBranch(f.repository())) == "dev/line");
}

TEST_CASE("CommitsNotIn: newest first, limited, hostile subjects kept whole") {
  GitFixture f;
  f.repo.Git({"checkout", "--quiet", "-b", "x"});
  f.repo.Commit("a", "1", "one; $(id)");
  const std::string two = f.repo.Commit("a", "2", "two \x1b[31m");
  const auto commits = test::Must(f.git.CommitsNotIn(f.repository(), "x", "main", 10));
  REQUIRE(commits.size() == 2);
  CHECK(commits[0].id == two);
  CHECK(commits[1].subject == "one; $(id)");
  CHECK(test::Must(f.git.CommitsNotIn(f.repository(), "x", "main", 1)).size() == 1);
  CHECK(test::Must(f.git.CommitsNotIn(f.repository(), "main", "x", 10)).empty());
  CHECK_CODE(f.git.CommitsNotIn(f.repository(), "x", "none", 10), absl::StatusCode::kNotFound);
  CHECK_CODE(f.git.CommitsNotIn(f.repository(), "--all", "main", 10),
             absl::StatusCode::kInvalidArgument);
  CHECK_CODE(f.git.CommitsNotIn(f.repository(), "x", "x..main", 10),
             absl::StatusCode::kInvalidArgument);
}

TEST_CASE("NotReachable: the tips that no base reaches, of ids that are all there") {
  GitFixture f;
  const std::string first = f.Id("main");
  f.repo.Git({"checkout", "--quiet", "-b", "topic"});
  f.repo.Commit("a.txt", "a");
  const std::string below = f.Id("topic");
  f.repo.Commit("a.txt", "b");
  const std::string topic = f.Id("topic");
  f.repo.Git({"checkout", "--quiet", "-b", "other", "main"});
  f.repo.Commit("b.txt", "b");
  const std::string other = f.Id("other");
  using Ids = std::set<std::string>;
  const auto ask = [&](const std::vector<std::string>& tips,
                       const std::vector<std::string>& bases) {
    return f.git.NotReachable(f.repository(), tips, bases);
  };
  CHECK(test::Must(ask({first, below, topic, other}, {first})) == Ids{below, topic, other});
  CHECK(test::Must(ask({first, below, topic, other}, {topic})) == Ids{other});
  CHECK(test::Must(ask({first, below, topic, other}, {topic, other})).empty());
  CHECK(test::Must(ask({}, {topic})).empty());
  // Unknown is not merged.
  CHECK(!ask({topic, std::string(40, 'a')}, {first}).ok());
  CHECK(!ask({topic}, {std::string(40, 'a')}).ok());
  CHECK(!ask({"--all"}, {first}).ok());
  CHECK(!ask({topic}, {"main"}).ok());
}

TEST_CASE("Config: set, get and remove a section") {
  GitFixture f;
  const std::string handle =
      GENERATE(as<std::string>{}, "docs", "a.b", "with space", "q\"uo\\te", "größe");
  const std::string section = "workmux.worktree." + handle;
  const std::string value =
      GENERATE(as<std::string>{}, "window", "-x", " two  words # ; \"q\" ", "line\nline", "");
  CHECK_CODE(f.git.GetConfig(f.repository(), section + ".mode"), absl::StatusCode::kNotFound);
  REQUIRE_OK(f.git.SetConfig(f.repository(), section + ".mode", value));
  REQUIRE_OK(f.git.SetConfig(f.repository(), "branch.docs.workmux-base", "main"));
  CHECK(test::Must(f.git.GetConfig(f.repository(), section + ".mode")) == value);
  REQUIRE_OK(f.git.RemoveConfigSection(f.repository(), section));
  REQUIRE_OK(f.git.RemoveConfigSection(f.repository(), section));
  CHECK_CODE(f.git.GetConfig(f.repository(), section + ".mode"), absl::StatusCode::kNotFound);
  CHECK(test::Must(f.git.GetConfig(f.repository(), "branch.docs.workmux-base")) == "main");
  CHECK_CODE(f.git.SetConfig(f.repository(), "a\nb.c", "x"), absl::StatusCode::kInvalidArgument);
  CHECK_CODE(f.git.SetConfig(f.repository(), "--unset", "x"), absl::StatusCode::kInvalidArgument);
}

TEST_CASE("GetIdentity: the caller's, unless the repository has its own") {
  GitFixture f;
  const Worktree main = f.At(f.repo.root());
  CHECK(test::Must(f.git.GetIdentity(main, f.repo.env())).email == "test@example.org");
  f.repo.Git({"config", "user.email", "here@example.org"});
  const auto identity = test::Must(f.git.GetIdentity(main, f.repo.env()));
  CHECK(identity.name == "Test User");
  CHECK(identity.email == "here@example.org");
  f.repo.Git({"config", "--unset", "user.email"});
  Env env = f.repo.env();
  env["GIT_CONFIG_GLOBAL"] = "/dev/null";
  CHECK(test::Must(f.git.GetIdentity(main, env)).name.empty());
}

}  // namespace workmux::daemon
