#pragma once

#include <span>
#include <string>

namespace workmux::guest {

// `workmux firewall ADDRESS PORT…`: puts the packet filter of rules.h around the network
// namespace that it runs in, with the iptables programs of the image, reads it back and
// tries it out. Runs in a container of its own beside the sandbox, with CAP_NET_ADMIN,
// which the sandbox itself never has. Returns 0 when all of it holds; otherwise a line on
// standard output says why, and a second one what helps.
int RunFirewall(std::span<const std::string> arguments);

}  // namespace workmux::guest
