#pragma once

#include <string>
#include <string_view>

namespace workmux::daemon {

// The key below sandbox.container that an engine complains about, by the words of
// Docker (daemon/ and api/ of moby) and of Podman; empty: about something else.
std::string_view OptionInQuestion(std::string_view said);

// One line that names the key before what the engine said of it; without a key what
// it said.
std::string NameOption(std::string_view said);

}  // namespace workmux::daemon
