#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "common/process/command.h"

namespace workmux::daemon {

// A git command line that runs nothing a repository names: no hooks, fsmonitor,
// pager, editor, external diff, credential or ssh program; the environment is
// built from nothing, replace refs are off, optional locks are not taken.
// `git_dir` and `work_tree` are explicit, so no pointer file is followed
// (security: a sandbox may have written it). An empty work_tree means none.
// Drivers whose names a repository chooses (filter.*, merge.*, diff.*.textconv)
// cannot be switched off by name; callers add --no-ext-diff and --no-textconv
// and never check out or merge with this.
Command HardenedGit(const std::filesystem::path& git_dir, const std::filesystem::path& work_tree,
                    std::vector<std::string> arguments);

// Git as the user would run it in `cwd`: the caller's environment less every
// GIT_* variable that redirects it, no terminal prompts, no editor.
Command UserGit(const std::filesystem::path& cwd, const Env& caller,
                std::vector<std::string> arguments);

}  // namespace workmux::daemon
