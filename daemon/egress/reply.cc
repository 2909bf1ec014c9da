#include "daemon/egress/reply.h"

#include <algorithm>
#include <array>

#include "common/base/format.h"
#include "daemon/egress/decision.h"

namespace workmux::egress {
namespace {

struct Phrase {
  int status;
  std::string_view text;
};
// RFC 9110 15, RFC 6585.
constexpr auto kPhrases = std::to_array<Phrase>({
    {400, "Bad Request"},
    {403, "Forbidden"},
    {405, "Method Not Allowed"},
    {407, "Proxy Authentication Required"},
    {408, "Request Timeout"},
    {417, "Expectation Failed"},
    {421, "Misdirected Request"},
    {431, "Request Header Fields Too Large"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
});

std::string_view PhraseFor(int status) {
  const auto found = std::find_if(kPhrases.begin(), kPhrases.end(),
                                  [&](const Phrase& phrase) { return phrase.status == status; });
  return found == kPhrases.end() ? "Refused" : found->text;
}

std::string Advice(std::string_view reason, std::string_view host) {
  if (reason == reason::kHostNotAllowed)
    return Format("To allow it, the user runs on the host: workmux net allow {}\n", host);
  if (reason == reason::kPrivateAddress) {
    return Format(
        "To allow it, the user runs on the host: workmux net allow --allow-private-ips {}\n", host);
  }
  if (host.empty()) return "Only `CONNECT host:443` is answered here.\n";
  return "The user sees more in `workmux net log`.\n";
}

}  // namespace

std::string RefusalReply(int http_status, std::string_view reason, std::string_view host,
                         std::string_view text) {
  const std::string body =
      Format("workmux: {}{}{}\n{}", host, host.empty() ? "" : ": ", text, Advice(reason, host));
  std::string more;
  // RFC 9110 15.5.8 and 15.5.6 ask for these.
  if (http_status == 407) more = "Proxy-Authenticate: Basic realm=\"workmux\"\r\n";
  if (http_status == 405 && host.empty()) more = "Allow: CONNECT\r\n";
  return Format(
      "HTTP/1.1 {} {}\r\n{}X-Workmux-Deny: {}\r\nContent-Type: text/plain\r\n"
      "Content-Length: {}\r\nConnection: close\r\n\r\n{}",
      http_status, PhraseFor(http_status), more, reason, body.size(), body);
}

}  // namespace workmux::egress
