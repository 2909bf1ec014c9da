#pragma once

#include <string>
#include <string_view>

namespace workmux::daemon {

// The configuration file of a private git directory, from the output of
// `git config --list -z` on the host. Only keys of an allow-list pass, none of
// which names a program, a file or another configuration (git-config(1)). Where
// the host filters with Git LFS, so does the sandbox, with its own git-lfs or not
// at all: without one, git refuses what would put a large file in the pointer's
// place. The command lines are Git LFS's own, never the host's.
// Credentials in http(s) URLs are left out, and so are URLs that name a remote
// helper ("ext::…").
std::string BuildPrivateConfig(std::string_view listed, bool bare);

// `value` as a configuration file holds it, in quotes; git-config(1), "Syntax".
std::string QuoteConfigValue(std::string_view value);

}  // namespace workmux::daemon
