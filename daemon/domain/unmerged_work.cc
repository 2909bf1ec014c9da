#include "daemon/domain/unmerged_work.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <thread>

#include "common/base/status.h"

namespace workmux::daemon {
namespace {

// The base and its copy on origin: a merge may have happened on the server, and
// the local base stayed behind.
absl::StatusOr<std::vector<std::string>> BasesOf(Git& git, const TipAndBase& question) {
  std::vector<std::string> bases = {question.base.id};
  if (!question.base.ref.starts_with("refs/heads/")) return bases;
  WM_ASSIGN_OR_RETURN(
      std::optional<std::string> remote,
      Optional(git.ResolveRef(question.repository, "refs/remotes/origin/" + question.base.name)));
  if (remote && *remote != question.base.id) bases.push_back(*std::move(remote));
  return bases;
}

absl::StatusOr<std::set<std::string>> Missing(Git& git, const TipAndBase& compared,
                                              const std::vector<std::string>& tips) {
  WM_ASSIGN_OR_RETURN(const std::vector<std::string> bases, BasesOf(git, compared));
  return git.NotReachable(compared.repository, tips, bases);
}

absl::StatusOr<bool> AskAlone(Git& git, const TipAndBase& question) {
  WM_ASSIGN_OR_RETURN(const std::vector<Commit> commits,
                      UnmergedCommits(git, question.repository, question.tip, question.base, 1));
  return !commits.empty();
}

}  // namespace

std::vector<absl::StatusOr<bool>> HaveUnmergedCommits(Git& git,
                                                      const std::vector<TipAndBase>& questions) {
  std::vector<absl::StatusOr<bool>> answers(questions.size(), false);
  // By common directory and base.
  std::map<std::pair<std::string, std::string>, std::vector<std::size_t>> groups;
  for (std::size_t i = 0; i < questions.size(); ++i) {
    const TipAndBase& question = questions[i];
    if (question.tip == question.base.id) continue;
    groups[{question.repository.common_dir.string(), question.base.ref}].push_back(i);
  }
  for (const auto& [key, members] : groups) {
    const TipAndBase& first = questions[members.front()];
    std::vector<std::string> tips;
    for (const std::size_t i : members) tips.push_back(questions[i].tip);
    const auto missing = Missing(git, first, tips);
    for (const std::size_t i : members) {
      answers[i] = missing.ok() ? absl::StatusOr<bool>(missing->contains(questions[i].tip))
                                : AskAlone(git, questions[i]);
    }
  }
  return answers;
}

std::size_t GitAtOnce() {
  constexpr std::size_t kLeast = 4;
  return std::max<std::size_t>(kLeast, 2 * std::size_t{std::thread::hardware_concurrency()});
}

}  // namespace workmux::daemon
