#include "daemon/egress/connect_request.h"

#include <absl/strings/escaping.h>

#include <algorithm>

#include "daemon/egress/host_name.h"

namespace workmux::egress {
namespace {

constexpr std::size_t kMaxLine = 1024;
constexpr int kMaxFields = 64;
constexpr std::string_view kEnd = "\r\n";
constexpr std::string_view kPort = ":443";

struct Refusal {
  int http_status = 0;
  std::string_view reason;
};
constexpr Refusal kNone{};
constexpr Refusal Bad(std::string_view reason) { return {400, reason}; }

// Visible characters, blanks and tabs: field-content of RFC 9110 5.5 without the
// obsolete part.
bool IsText(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return c == '\t' || (c >= ' ' && c <= '~'); });
}

// RFC 9110 5.6.2.
bool IsToken(std::string_view text) {
  constexpr std::string_view kOther = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           kOther.find(c) != std::string_view::npos;
  });
}

std::string_view TrimBlanks(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

bool EqualsIgnoringCase(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](char x, char y) { return lower(x) == lower(y); });
}

Refusal ReadAuthority(std::string_view authority, std::string& host) {
  if (authority.find_first_of("/@?#") != std::string_view::npos)
    return Bad("the target is not host:port");
  if (!authority.ends_with(kPort)) return {403, "only port 443 is open"};
  const auto normal = NormalHost(authority.substr(0, authority.size() - kPort.size()));
  if (!normal.ok()) return {403, "the target is no host name"};
  host = *normal;
  return kNone;
}

// "CONNECT host:443 HTTP/1.1": one blank between the parts.
Refusal ReadRequestLine(std::string_view line, std::string& host) {
  const auto first = line.find(' ');
  const std::string_view method = line.substr(0, first);
  if (first == std::string_view::npos || !IsToken(method)) return Bad("this is no request line");
  if (method != "CONNECT") return {405, "only CONNECT is answered"};
  const auto last = line.find(' ', first + 1);
  if (last == std::string_view::npos) return Bad("this is no request line");
  const std::string_view version = line.substr(last + 1);
  if (version != "HTTP/1.1" && version != "HTTP/1.0") return Bad("this is not HTTP/1.1");
  return ReadAuthority(line.substr(first + 1, last - first - 1), host);
}

struct Fields {
  int count = 0;
  bool has_host = false;
};

Refusal ReadField(std::string_view line, Fields& fields, ConnectRequest& request) {
  if (++fields.count > kMaxFields) return {431, "too many fields"};
  const auto colon = line.find(':');
  const std::string_view name = line.substr(0, colon);
  // A line that begins with a blank would be a folded one: it has no token either.
  if (colon == std::string_view::npos || !IsToken(name)) return Bad("a line is no header field");
  const std::string_view value = TrimBlanks(line.substr(colon + 1));
  if (EqualsIgnoringCase(name, "Transfer-Encoding") || EqualsIgnoringCase(name, "Content-Length"))
    return Bad("a CONNECT has no body");
  if (EqualsIgnoringCase(name, "Host")) {
    if (fields.has_host) return Bad("there are two Host fields");
    fields.has_host = true;
    const std::string_view host =
        value.ends_with(kPort) ? value.substr(0, value.size() - kPort.size()) : value;
    const auto normal = NormalHost(host);
    if (!normal.ok() || *normal != request.host) return Bad("Host says another host");
  }
  if (EqualsIgnoringCase(name, "Proxy-Authorization")) {
    if (!request.authorization.empty()) return Bad("there are two Proxy-Authorization fields");
    request.authorization = std::string(value);
  }
  return kNone;
}

ConnectParse Refuse(const Refusal& refusal) {
  ConnectParse parse;
  parse.state = ConnectParse::State::kRefused;
  parse.http_status = refusal.http_status;
  parse.reason = refusal.reason;
  return parse;
}

}  // namespace

ConnectParse ParseConnect(std::string_view received) {
  const std::string_view head = received.substr(0, kMaxHead);
  ConnectParse parse;
  Fields fields;
  bool first = true;
  for (std::size_t at = 0;;) {
    const std::size_t end = head.find(kEnd, at);
    const std::string_view line = head.substr(at, end == std::string_view::npos ? end : end - at);
    // The half of a line end may still come.
    const std::string_view text = end == std::string_view::npos && line.ends_with('\r')
                                      ? line.substr(0, line.size() - 1)
                                      : line;
    if (!IsText(text)) return Refuse(Bad("a line holds control characters"));
    if (line.size() > kMaxLine) return Refuse({431, "a line is too long"});
    if (end == std::string_view::npos) {
      return head.size() == kMaxHead ? Refuse({431, "the head is too long"}) : parse;
    }
    at = end + kEnd.size();
    if (line.empty() && !first) {
      parse.state = ConnectParse::State::kComplete;
      parse.request.size = at;
      return parse;
    }
    const Refusal refusal =
        first ? ReadRequestLine(line, parse.request.host) : ReadField(line, fields, parse.request);
    if (refusal.http_status != 0) return Refuse(refusal);
    first = false;
  }
}

std::string BasicPassword(std::string_view authorization) {
  constexpr std::string_view kScheme = "Basic ";
  if (authorization.size() <= kScheme.size() ||
      !EqualsIgnoringCase(authorization.substr(0, kScheme.size()), kScheme)) {
    return {};
  }
  std::string decoded;
  const std::string_view encoded = TrimBlanks(authorization.substr(kScheme.size()));
  if (!absl::Base64Unescape({encoded.data(), encoded.size()}, &decoded)) return {};
  const auto colon = decoded.find(':');
  return colon == std::string::npos ? std::string() : decoded.substr(colon + 1);
}

}  // namespace workmux::egress
