#pragma once

#include <string>
#include <string_view>

namespace workmux::daemon {

// The configuration file of a private git directory, from the output of
// `git config --list -z` on the host. Only keys of an allow-list pass, none of
// which names a program, a file or another configuration (git-config(1)).
// Credentials in http(s) URLs are left out, and so are URLs that name a remote
// helper ("ext::…").
std::string BuildPrivateConfig(std::string_view listed, bool bare);

// `value` as a configuration file holds it, in quotes; git-config(1), "Syntax".
std::string QuoteConfigValue(std::string_view value);

}  // namespace workmux::daemon
