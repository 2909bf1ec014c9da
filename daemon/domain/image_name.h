#pragma once

// Names of container images. Pure.

#include <absl/status/status.h>

#include <string>
#include <string_view>

namespace workmux::daemon {

inline constexpr char kOfficialRepository[] = "ghcr.io/raine/workmux-sandbox";

// sandbox.image, or the official image when it is empty, with every {agent}
// replaced by the agent's name.
std::string ResolveImage(std::string_view configured, std::string_view agent);

// kInvalidArgument for what no engine takes as a name: it could be read as an
// option, or holds white space or control characters.
absl::Status CheckImageName(std::string_view image);

// "name@sha256:…": the content is fixed, there is nothing newer.
bool IsPinned(std::string_view image);

// The name without its tag and digest: "host:5000/a/b:1@sha256:…" is "host:5000/a/b".
std::string_view RepositoryOf(std::string_view image);

}  // namespace workmux::daemon
