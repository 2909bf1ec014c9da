#pragma once

// Reads the values of `sandbox.*`: what a sandbox is given of the host and how
// much of it. Every value is checked as far as it can be without the host;
// errors carry the value's place.

#include <map>
#include <string>
#include <vector>

#include <absl/status/statusor.h>

#include "daemon/config/config.h"
#include "daemon/config/value_reader.h"

namespace workmux::daemon {

// An image's reference, in which {agent} may stand.
absl::StatusOr<std::string> ParseImage(const ValueReader& reader, const YamlNode& node);
// docker/go-units RAMInBytes: a number and b, k, kb, kib, … p, in any case. Zero
// ("0") only where `zero` allows it.
absl::StatusOr<std::string> ParseSize(const ValueReader& reader, const YamlNode& node, bool zero);
absl::StatusOr<std::string> ParseCpus(const ValueReader& reader, const YamlNode& node);
absl::StatusOr<std::string> ParseHostName(const ValueReader& reader, const YamlNode& node);

// Names of variables that a sandbox may be given (sandbox_environment.h).
absl::StatusOr<std::vector<std::string>> ParsePassthrough(const ValueReader& reader,
                                                          const YamlNode& node);
absl::StatusOr<std::map<std::string, std::string>> ParseEnvironment(const ValueReader& reader,
                                                                    const YamlNode& node);

// "/path", "~/path" or {host_path, guest_path, writable}.
absl::StatusOr<std::vector<ExtraMount>> ParseExtraMounts(const ValueReader& reader,
                                                         const YamlNode& node);
// docker-run(1), --device: "/dev/x[:/dev/y][:rwm]" or {host_path, guest_path, permissions}.
absl::StatusOr<std::vector<Device>> ParseDevices(const ValueReader& reader, const YamlNode& node);
// Names and numbers of groups; "keep-groups" is Podman's.
absl::StatusOr<std::vector<std::string>> ParseGroups(const ValueReader& reader,
                                                     const YamlNode& node);
// Relative paths without "..", normal.
absl::StatusOr<std::vector<std::filesystem::path>> ParseExcludedFiles(const ValueReader& reader,
                                                                      const YamlNode& node);
absl::StatusOr<std::string> ParseOciRuntime(const ValueReader& reader, const YamlNode& node);
// capabilities(7), with or without CAP_. ALL and SYS_ADMIN are refused: with
// either a container is no boundary.
absl::StatusOr<std::vector<std::string>> ParseCapabilities(const ValueReader& reader,
                                                           const YamlNode& node);
// As docker-run(1), --security-opt, takes them.
absl::StatusOr<std::vector<std::string>> ParseSecurityOptions(const ValueReader& reader,
                                                              const YamlNode& node);

}  // namespace workmux::daemon
