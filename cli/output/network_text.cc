#include "cli/output/network_text.h"

#include <array>
#include <ctime>

#include "common/base/format.h"
#include "common/base/strings.h"
#include "workmux/control/v1/network.pb.h"

namespace workmux::cli {
namespace {

namespace pb = control::v1;

std::string WhyOf(const pb::NetworkEvent& event) {
  const auto add = [](std::string text, const std::string& more) {
    if (more.empty()) return text;
    return text.empty() ? more : text + ", " + more;
  };
  switch (event.kind()) {
    case pb::NetworkEvent::KIND_ENDED:
      return add(
          Format("{} up, {} down, {:.1f} s", ByteCount(event.bytes_up()),
                 ByteCount(event.bytes_down()), static_cast<double>(event.milliseconds()) / 1000),
          event.reason());
    case pb::NetworkEvent::KIND_OMITTED:
      return Format("{} not recorded: too many at once", Counted(event.count(), "event"));
    default:
      return add(add(event.rule().empty() ? "" : "rule " + event.rule(), event.reason()),
                 event.detail());
  }
}

std::string Judged(const pb::ExplainHostResponse::Address& address) {
  if (address.allowed()) return Format("{}: may be reached", address.address());
  return Format("{}: refused, {}{}{}", address.address(), address.reason(),
                address.detail().empty() ? "" : ": ", address.detail());
}

std::string AddedText(const pb::ExplainHostResponse::Credential& added) {
  const std::vector<std::string> command(added.command().begin(), added.command().end());
  const std::vector<std::string> allow(added.allow().begin(), added.allow().end());
  return Format("{} is set outside of the sandbox, from {}{}", added.header(),
                added.file().empty() ? "the command " + Join(command, " ") : added.file(),
                allow.empty() ? "" : ", for " + Join(allow, ", ") + " alone");
}

}  // namespace

std::string_view EventWord(const pb::NetworkEvent& event) {
  switch (event.kind()) {
    case pb::NetworkEvent::KIND_ALLOWED:
      return "allowed";
    case pb::NetworkEvent::KIND_REFUSED:
      return "refused";
    case pb::NetworkEvent::KIND_ENDED:
      return "ended";
    default:
      return "omitted";
  }
}

std::vector<std::string> EventHeader() { return {"TIME", "SANDBOX", "EVENT", "HOST", "WHY"}; }

std::vector<std::string> EventRow(const pb::NetworkEvent& event) {
  return {LocalTime(event.unix_milliseconds() / 1000), event.sandbox(),
          std::string(EventWord(event)), event.host().empty() ? event.service() : event.host(),
          WhyOf(event)};
}

std::string ByteCount(std::uint64_t bytes) {
  constexpr auto kUnits = std::to_array<std::string_view>({"KiB", "MiB", "GiB", "TiB"});
  if (bytes < 1024) return Format("{} B", bytes);
  double size = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  for (; size >= 1024 && unit + 1 < kUnits.size(); ++unit) size /= 1024;
  return Format("{:.1f} {}", size, kUnits[unit]);
}

std::string LocalTime(std::int64_t unix_seconds) {
  const auto seconds = static_cast<std::time_t>(unix_seconds);
  std::tm local{};
  std::array<char, 32> text{};
  if (unix_seconds == 0 || ::localtime_r(&seconds, &local) == nullptr) return {};
  const std::size_t size = std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S", &local);
  return {text.data(), size};
}

std::string ScopeOf(const pb::Allowance& allowance) {
  const bool all = allowance.session_id().empty();
  std::string end = all ? "until it is revoked" : "until it ends";
  if (allowance.until_unix_seconds() != 0)
    end = "until " + LocalTime(allowance.until_unix_seconds());
  return Format("in {}, {}", all ? "every sandbox" : allowance.sandbox(), end);
}

std::string ExplanationText(const pb::ExplainHostResponse& response) {
  const std::string where =
      response.sandbox().empty() ? "the configuration here" : response.sandbox();
  std::string text;
  if (!response.restricted()) {
    text = Format("{}: allowed, {} restricts no network\n", response.host(), where);
  } else if (response.rule().empty()) {
    text = Format("{}: refused, no rule of {} allows it\n  allow it with: workmux net allow {}\n",
                  response.host(), where, response.host());
  } else {
    text = Format("{}: allowed in {} by the rule {}{}\n", response.host(), where, response.rule(),
                  response.allows_private_ips() ? ", private addresses too" : "");
  }
  if (response.has_credential())
    text += Format("  {}\n", Printable(AddedText(response.credential())));
  for (const auto& address : response.addresses()) text += Format("  {}\n", Judged(address));
  if (!response.resolve_error().empty())
    text += Format("  it does not resolve: {}\n", Printable(response.resolve_error()));
  for (const auto& event : response.events())
    text += Format("  {}\n", Printable(Join(EventRow(event), "  ")));
  return text;
}

}  // namespace workmux::cli
