#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace workmux::control::v1 {
class Allowance;
class ExplainHostResponse;
class NetworkEvent;
}  // namespace workmux::control::v1

namespace workmux::cli {

// "allowed", "refused", "ended", "omitted".
std::string_view EventWord(const control::v1::NetworkEvent& event);
// TIME, SANDBOX, EVENT, HOST, WHY; the time is this machine's.
std::vector<std::string> EventHeader();
std::vector<std::string> EventRow(const control::v1::NetworkEvent& event);

// "12 B", "3.4 KiB", "1.2 GiB".
std::string ByteCount(std::uint64_t bytes);
// "2026-11-22 08:50:12" here; empty for 0.
std::string LocalTime(std::int64_t unix_seconds);
// "in every sandbox, until it is revoked".
std::string ScopeOf(const control::v1::Allowance& allowance);
// A few lines for people.
std::string ExplanationText(const control::v1::ExplainHostResponse& response);

}  // namespace workmux::cli
