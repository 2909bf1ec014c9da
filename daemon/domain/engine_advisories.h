#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace workmux::daemon {

// The first version number in the text, as in "runc version 1.4.0-rc.3".
struct EngineVersion {
  int major = 0;
  int minor = 0;
  int patch = 0;
  int candidate = 0;  // of a release candidate; 0: a release
  bool known = false;
};
EngineVersion FindEngineVersion(std::string_view text);

// Known ways out of a sandbox that are older than the fix of the program's own
// project, newest first, each as "CVE-2024-21626 (fixed in 1.1.12)". Distributions
// patch without a new version number, so this is a question and no verdict. Empty
// for a program or version that is not known. Pure.
std::vector<std::string> OpenAdvisories(std::string_view program, const EngineVersion& version);

}  // namespace workmux::daemon
