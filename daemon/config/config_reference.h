#pragma once

#include <string>
#include <vector>

namespace workmux::daemon {

// An example file with every key commented out, its type, default, scope and
// meaning. Taking the '#' before any key away keeps it valid.
std::string RenderReference();

struct KeyCompletion {
  std::string key;
  std::vector<std::string> values;  // empty: anything
};
std::vector<KeyCompletion> CompletionKeys();

}  // namespace workmux::daemon
