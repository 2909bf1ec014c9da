#pragma once

#include <asio/ip/address.hpp>

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/statusor.h>

namespace workmux::egress {

// Which of a name's addresses may be dialled, in the order of RFC 8305 4: families
// take turns, IPv6 first.
struct DialPlan {
  std::vector<asio::ip::address> addresses;
  std::string_view reason;  // when there is none: one of decision.h
  std::string detail;       // the address that decided, and its block
};

// No more answers than this are looked at.
inline constexpr std::size_t kMaxAnswers = 32;

// Whether packets for the address end on this host; an error when it is not known.
using LeadsHereFn = std::function<absl::StatusOr<bool>(const asio::ip::address&)>;

// What is not known to lead elsewhere is refused. Pure but for `leads_here`, which is
// asked about addresses that nothing else forbids.
DialPlan PlanDial(std::span<const asio::ip::address> answers, bool allow_private,
                  const LeadsHereFn& leads_here);

}  // namespace workmux::egress
