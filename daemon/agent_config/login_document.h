#pragma once

#include <map>
#include <string>
#include <string_view>

#include <absl/status/statusor.h>

#include "daemon/domain/agent_files.h"

namespace workmux::daemon {

// The carried parts of a login file: "tokens/access_token" -> the value as JSON.
// An entry is one part: "openai" -> the whole entry.
using Login = std::map<std::string, std::string>;

// What `text`, which may be hostile, holds of a login. LOGIN_INVALID
// (kInvalidArgument) when it is no JSON object, is nested too deep, or when a part
// holds what a shell would act upon.
absl::StatusOr<Login> ReadLogin(const LoginFile& file, std::string_view text);

// `text` with these parts in place of its own; empty text: a document of nothing
// else. Parts that `login` lacks stay, unless `exact`. The same error for `text`.
absl::StatusOr<std::string> PutLogin(const LoginFile& file, std::string_view text,
                                     const Login& login, bool exact);

// The host's document for a sandbox whose own is `copy`: members that only the
// copy has and that are no part of the login are kept. The host's text as it is
// when either is not an object.
std::string RefreshDocument(const LoginFile& file, std::string_view host, std::string_view copy);

// `fresh` with the member `name` set to true when `old` has it so; as it is when
// either is not an object.
std::string KeepSwitch(std::string_view name, std::string_view fresh, std::string_view old);

}  // namespace workmux::daemon
