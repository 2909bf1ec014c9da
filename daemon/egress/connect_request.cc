#include "daemon/egress/connect_request.h"

#include <absl/strings/escaping.h>

#include "daemon/egress/field_line.h"
#include "daemon/egress/host_name.h"

namespace workmux::egress {
namespace {

constexpr std::size_t kMaxLine = 1024;
constexpr int kMaxFields = 64;
constexpr std::string_view kPort = ":443";

HeadRefusal ReadAuthority(std::string_view authority, std::string& host) {
  if (authority.find_first_of("/@?#") != std::string_view::npos)
    return BadHead("the target is not host:port");
  if (!authority.ends_with(kPort)) return {403, "only port 443 is open"};
  const auto normal = NormalHost(authority.substr(0, authority.size() - kPort.size()));
  if (!normal.ok()) return {403, "the target is no host name"};
  host = *normal;
  return {};
}

// "CONNECT host:443 HTTP/1.1": one blank between the parts.
HeadRefusal ReadRequestLine(std::string_view line, std::string& host) {
  const auto first = line.find(' ');
  const std::string_view method = line.substr(0, first);
  if (first == std::string_view::npos || !IsToken(method))
    return BadHead("this is no request line");
  if (method != "CONNECT") return {405, "only CONNECT is answered"};
  const auto last = line.find(' ', first + 1);
  if (last == std::string_view::npos) return BadHead("this is no request line");
  const std::string_view version = line.substr(last + 1);
  if (version != "HTTP/1.1" && version != "HTTP/1.0") return BadHead("this is not HTTP/1.1");
  return ReadAuthority(line.substr(first + 1, last - first - 1), host);
}

struct Fields {
  int count = 0;
  bool has_host = false;
};

HeadRefusal ReadField(std::string_view line, Fields& fields, ConnectRequest& request) {
  if (++fields.count > kMaxFields) return {431, "too many fields"};
  const auto field = ReadFieldLine(line);
  if (!field) return BadHead("a line is no header field");
  const auto [name, value] = *field;
  if (EqualsIgnoringCase(name, "Transfer-Encoding") || EqualsIgnoringCase(name, "Content-Length"))
    return BadHead("a CONNECT has no body");
  if (EqualsIgnoringCase(name, "Host")) {
    if (fields.has_host) return BadHead("there are two Host fields");
    fields.has_host = true;
    const std::string_view host =
        value.ends_with(kPort) ? value.substr(0, value.size() - kPort.size()) : value;
    const auto normal = NormalHost(host);
    if (!normal.ok() || *normal != request.host) return BadHead("Host says another host");
  }
  if (EqualsIgnoringCase(name, "Proxy-Authorization")) {
    if (!request.authorization.empty()) return BadHead("there are two Proxy-Authorization fields");
    request.authorization = std::string(value);
  }
  return {};
}

ConnectParse Refuse(const HeadRefusal& refusal) {
  ConnectParse parse;
  parse.state = ConnectParse::State::kRefused;
  parse.http_status = refusal.http_status;
  parse.reason = refusal.reason;
  return parse;
}

}  // namespace

ConnectParse ParseConnect(std::string_view received) {
  HeadLines lines(received, {.head = kMaxHead, .line = kMaxLine});
  ConnectParse parse;
  Fields fields;
  for (bool first = true;; first = false) {
    const auto line = lines.Next();
    if (!line) return lines.refusal().http_status != 0 ? Refuse(lines.refusal()) : parse;
    if (line->empty() && !first) {
      parse.state = ConnectParse::State::kComplete;
      parse.request.size = lines.size();
      return parse;
    }
    const HeadRefusal refusal = first ? ReadRequestLine(*line, parse.request.host)
                                      : ReadField(*line, fields, parse.request);
    if (refusal.http_status != 0) return Refuse(refusal);
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
