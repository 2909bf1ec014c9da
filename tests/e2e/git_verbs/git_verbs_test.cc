#include <optional>
#include <span>

#include "common/base/format.h"
#include "common/base/strings.h"
#include "tests/support/catch.h"
#include "tests/support/git_verbs.h"
#include "tests/support/sandbox_world.h"

namespace workmux::test {
namespace {

constexpr std::size_t kVerbsPerContainer = 10;

// Back to how the worktree was: "refs" and the tip are what `kSave` kept.
constexpr char kSave[] = R"sh(
tip=$(git rev-parse topic)
refs=$(git for-each-ref --format='%(refname) %(objectname) %(symref)')
)sh";
constexpr char kReset[] = R"sh(
{
  for verb in rebase merge cherry-pick revert; do git $verb --abort; done
  git bisect reset; git stash clear; git sparse-checkout disable
  git checkout -qf --detach "$tip"; git reset -q --hard; git clean -qfdx
  git for-each-ref --format='%(refname) %(symref)' | while read -r ref symbolic; do
    case "$refs" in *"$ref "*) ;; *) test -n "$symbolic" || git update-ref --no-deref -d "$ref" ;; esac
  done
  echo "$refs" | while read -r ref id symbolic; do test -n "$symbolic" || git update-ref --no-deref "$ref" "$id"; done
  git checkout -qf topic
} > /dev/null 2>&1
)sh";

// One shell for several verbs: what each prints, how it ends and what it leaves.
std::string ScriptOf(std::span<const GitVerb> verbs) {
  std::string script = kSave;
  for (const GitVerb& verb : verbs) {
    script += Format("echo '#### {}'\n( {} ) 2> /dev/null\necho \"exit $?\"\n({})\n", verb.name,
                     verb.script, kGitState);
    if (verbs.size() > 1) script += kReset;
  }
  return script + "exit 0\n";
}

// The part of a transcript where the two differ first, or nothing.
std::string FirstDifference(const std::string& inside, const std::string& outside) {
  const std::vector<std::string> a = SplitLines(inside);
  const std::vector<std::string> b = SplitLines(outside);
  std::string verb;
  for (std::size_t i = 0; i < std::max(a.size(), b.size()); ++i) {
    const std::string left = i < a.size() ? a[i] : "(nothing)";
    const std::string right = i < b.size() ? b[i] : "(nothing)";
    if (left != right) return Format("{}\ninside:  {}\noutside: {}", verb, left, right);
    if (left.starts_with("####")) verb = left;
  }
  return {};
}

std::map<std::string, std::string> Untouchable(GitWorld& world) {
  std::map<std::string, std::string> files = world.HostFiles();
  // Its own branch is what a sandbox may move.
  files.erase("refs/heads/topic");
  files["refs"] = world.Out(world.common(), "git for-each-ref | grep -v refs/heads/topic");
  files["fsck"] = world.Run(world.common(), "git fsck --no-progress --no-dangling 2>&1").out;
  return files;
}

void CompareWithOutside(SandboxWorld& sandboxes, const std::string& backend,
                        std::span<const GitVerb> verbs) {
  GitWorld sandboxed;
  GitWorld plain;
  const std::string script = ScriptOf(verbs);
  INFO(backend << ", from: " << verbs.front().name);
  const auto before = Untouchable(sandboxed);
  const CommandResult inside =
      sandboxes.Inside({backend, "clone"}, sandboxed, sandboxed.wt(), script);
  INFO(inside.err);
  const CommandResult outside = plain.Run(plain.wt(), script);
  CHECK(inside.exit.ok());
  CHECK(outside.out.find("refs/heads/main") != std::string::npos);
  CHECK(FirstDifference(inside.out, outside.out) == "");
  CHECK(FilesThatDiffer(before, Untouchable(sandboxed)) == "");
  // The host follows, wherever there still is such a branch.
  const std::string tip = "git rev-parse -q --verify refs/heads/topic || true";
  const std::string wanted = plain.Out(plain.main(), tip);
  if (!wanted.empty()) CHECK(sandboxed.Out(sandboxed.main(), tip) == wanted);
}

}  // namespace

TEST_CASE("Git inside a namespace sandbox: everyday commands leave what they leave outside",
          "[git]") {
  if (!CanUse("namespace")) return;
  SandboxWorld sandboxes;
  for (const GitVerb& verb : kGitVerbs) CompareWithOutside(sandboxes, "namespace", {&verb, 1});
}

TEST_CASE("Git inside a container: everyday commands leave what they leave outside", "[git]") {
  if (!CanUse("docker")) return;
  SandboxWorld sandboxes;
  const std::span<const GitVerb> all = kGitVerbs;
  for (std::size_t at = 0; at < all.size(); at += kVerbsPerContainer) {
    CompareWithOutside(sandboxes, "docker",
                       all.subspan(at, std::min(kVerbsPerContainer, all.size() - at)));
  }
}

}  // namespace workmux::test
