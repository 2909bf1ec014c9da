#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "common/process/command.h"

namespace workmux::daemon {

// The few settings of the user's own configuration without which a status is
// wrong (ignored files look untracked, converted files look modified), as
// "-c key=value" arguments: core.excludesFile, core.autocrlf, core.eol and the
// drivers of Git LFS. Read from ~/.gitconfig and $XDG_CONFIG_HOME/git/config
// (or $GIT_CONFIG_GLOBAL) of `env`, includes not followed, git-config(1) "FILES".
// What the repository's own configuration sets is left out, for it wins.
std::vector<std::string> UserSettings(const Env& env, const std::filesystem::path& common_dir);

}  // namespace workmux::daemon
