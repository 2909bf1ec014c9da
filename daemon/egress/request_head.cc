#include "daemon/egress/request_head.h"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>

#include "common/base/ascii_case.h"
#include "common/base/format.h"
#include "daemon/egress/field_line.h"
#include "daemon/egress/host_name.h"

namespace workmux::egress {
namespace {

constexpr std::size_t kMaxLine = 32768;
constexpr std::size_t kMaxFields = 128;
constexpr std::string_view kPort = ":443";
constexpr std::string_view kSecret = "{secret}";

// Of one connection, RFC 9110 7.6.1, 7.8, 10.1.4 and 6.6.2, RFC 9113 3.1; and what is
// written anew from what was read.
constexpr auto kOwn = std::to_array<std::string_view>(
    {"connection", "keep-alive", "proxy-connection", "te", "trailer", "upgrade", "http2-settings",
     "host", "content-length", "transfer-encoding", "accept-encoding"});

// Answers in other forms than whole and unencoded, in which a secret would not be seen:
// RFC 3229 10.5.3, RFC 9110 14.2 and 13.1.5.
constexpr auto kForms = std::to_array<std::string_view>({"a-im", "range", "if-range"});

// Fields that carry credentials and do not end as one of the next table does.
constexpr auto kCredentials = std::to_array<std::string_view>({
    "cookie",                     // RFC 6265 4.2
    "cookie2",                    // RFC 2965 3.3.5
    "ocp-apim-subscription-key",  // Azure API Management
    "x-auth-email",               // Cloudflare
    "x-auth-key",                 // Cloudflare
    "x-functions-key",            // Azure Functions
    "x-jfrog-art-api",            // Artifactory
});
constexpr auto kCredentialEnds = std::to_array<std::string_view>({
    "authorization",  // RFC 9110 11.6.2; proxy-authorization, 11.7.2
    "api-key",        // x-api-key of Anthropic, x-goog-api-key of Google, api-key of Azure OpenAI
    "apikey",         // x-nuget-apikey of NuGet
    "token",          // private-token, job-token and deploy-token of GitLab, x-auth-token of
                      // OpenStack, x-amz-security-token of AWS, x-vault-token of Vault
    "secret",
});

// After these a server takes the request for another one than was checked.
constexpr auto kOverrides = std::to_array<std::string_view>({
    "x-http-method-override",  // Google APIs, Rack::MethodOverride
    "x-http-method",           // Microsoft, OData
    "x-method-override",       // IBM, Express' method-override
    "x-original-url",          // IIS URL Rewrite
    "x-rewrite-url",           // ISAPI_Rewrite
});

// Parameters of a query that are credentials, letters and digits alone: RFC 6750 2.3 and
// RFC 6749 2.3.1 (OAuth), Google (key), GitLab (private_token, job_token), Azure
// (subscription-key, and sig of shared access signatures), AWS Signature Version 4 and 2,
// Google Cloud Storage's signed URLs, and names of header fields that do the same.
constexpr auto kParameters = std::to_array<std::string_view>({"accesstoken",
                                                              "apikey",
                                                              "apitoken",
                                                              "authtoken",
                                                              "clientsecret",
                                                              "deploytoken",
                                                              "jobtoken",
                                                              "key",
                                                              "oauthtoken",
                                                              "privatetoken",
                                                              "sig",
                                                              "signature",
                                                              "subscriptionkey",
                                                              "token",
                                                              "xamzcredential",
                                                              "xamzsignature",
                                                              "xapikey",
                                                              "xamzsecuritytoken",
                                                              "xgoogcredential",
                                                              "xgoogsignature",
                                                              "authorization",
                                                              "xgoogapikey"});

template <std::size_t kSize>
bool Has(const std::array<std::string_view, kSize>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

HeadRefusal ReadTarget(std::string_view target, RequestHead& head) {
  const bool visible =
      std::all_of(target.begin(), target.end(), [](char c) { return c > ' ' && c <= '~'; });
  if (!target.starts_with('/') || !visible || target.find('#') != std::string_view::npos)
    return BadHead("the target is no path");
  head.target = std::string(target);
  return {};
}

// HTTP-version of RFC 9112 2.3.
bool IsVersion(std::string_view text) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  return text.size() == 8 && text.starts_with("HTTP/") && is_digit(text[5]) && text[6] == '.' &&
         is_digit(text[7]);
}

// "GET /path HTTP/1.1": one blank between the parts.
HeadRefusal ReadRequestLine(std::string_view line, RequestHead& head) {
  const auto first = line.find(' ');
  const auto last = line.find(' ', first == std::string_view::npos ? first : first + 1);
  const std::string_view method = line.substr(0, first);
  if (last == std::string_view::npos || !IsToken(method) || !IsVersion(line.substr(last + 1)))
    return BadHead("this is no request line");
  // Methods are case-sensitive (RFC 9110 9.1), but not to every server.
  if (LowerAscii(method) == "connect" || LowerAscii(method) == "trace")
    return {405, "the method is not passed on"};
  if (UpperAscii(method) != method) return BadHead("the method has small letters");
  if (line.substr(last + 1) != "HTTP/1.1") return {505, "this is not HTTP/1.1"};
  head.method = std::string(method);
  return ReadTarget(line.substr(first + 1, last - first - 1), head);
}

HeadRefusal ReadHost(std::string_view value, RequestHead& head) {
  if (!head.host.empty()) return BadHead("there are two Host fields");
  if (value.ends_with(kPort)) value.remove_suffix(kPort.size());
  auto host = NormalHost(value);
  if (!host.ok()) return BadHead("Host is no host name");
  head.host = *std::move(host);
  return {};
}

// A sign, a blank, a list or more than a signed number holds would be read differently by
// others, RFC 9112 6.3.
HeadRefusal ReadLength(std::string_view value, RequestHead& head) {
  constexpr auto kMax = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (head.body != RequestHead::Body::kNone) return BadHead("the body's end is told twice");
  if (value.empty() || value.size() > 19) return BadHead("Content-Length is no number");
  std::uint64_t length = 0;
  for (const char c : value) {
    if (c < '0' || c > '9') return BadHead("Content-Length is no number");
    length = length * 10 + static_cast<std::uint64_t>(c - '0');
  }
  if (length > kMax) return BadHead("Content-Length is no number");
  head.body = RequestHead::Body::kLength;
  head.length = length;
  return {};
}

HeadRefusal ReadEncoding(std::string_view value, RequestHead& head) {
  if (head.body != RequestHead::Body::kNone) return BadHead("the body's end is told twice");
  if (!EqualsIgnoringCase(value, "chunked")) return {501, "the transfer coding is unknown"};
  head.body = RequestHead::Body::kChunked;
  return {};
}

// The elements of a list, RFC 9110 5.6.1.2; false when one is no token.
template <class Visitor>
bool EachToken(std::string_view list, const Visitor& visit) {
  for (;;) {
    const auto comma = list.find(',');
    const std::string_view token = TrimBlanks(list.substr(0, comma));
    if (!token.empty() && !IsToken(token)) return false;
    if (!token.empty()) visit(token);
    if (comma == std::string_view::npos) return true;
    list.remove_prefix(comma + 1);
  }
}

HeadRefusal ReadField(std::string_view line, RequestHead& head) {
  if (head.fields.size() == kMaxFields) return {431, "too many fields"};
  const auto field = ReadFieldLine(line);
  if (!field) return BadHead("a line is no header field");
  head.fields.emplace_back(LowerAscii(field->name), std::string(field->value));
  const auto& [name, value] = head.fields.back();
  if (name == "host") return ReadHost(value, head);
  if (name == "content-length") return ReadLength(value, head);
  if (name == "transfer-encoding") return ReadEncoding(value, head);
  // Whether a body follows what others mean by it is not known: RFC 9110 10.1.1.
  if (name == "expect" && !EqualsIgnoringCase(value, "100-continue"))
    return {417, "the expectation is unknown"};
  if (name == "connection") {
    const bool is_list = EachToken(value, [&](std::string_view option) {
      if (EqualsIgnoringCase(option, "close")) head.close = true;
    });
    if (!is_list) return BadHead("Connection is no list");
  }
  return {};
}

RequestParse Refuse(const HeadRefusal& refusal) {
  RequestParse parse;
  parse.state = RequestParse::State::kRefused;
  parse.http_status = refusal.http_status;
  parse.reason = refusal.reason;
  return parse;
}

// As servers see a name that hand fields on as variables, RFC 3875 4.1.18: an underscore
// is a hyphen to them, and to some (lighttpd) whatever is no letter and no digit.
std::string Hyphenated(std::string_view name) {
  std::string hyphenated = LowerAscii(name);
  std::replace_if(
      hyphenated.begin(), hyphenated.end(),
      [](char c) { return (c < 'a' || c > 'z') && (c < '0' || c > '9'); }, '-');
  return hyphenated;
}

bool IsCredential(std::string_view name) {
  return Has(kCredentials, name) ||
         std::any_of(kCredentialEnds.begin(), kCredentialEnds.end(),
                     [&](std::string_view end) { return name.ends_with(end); });
}

// What Connection names, hyphenated.
std::vector<std::string> ConnectionOptions(const RequestHead& head) {
  std::vector<std::string> options;
  for (const auto& [name, value] : head.fields) {
    if (name != "connection") continue;
    EachToken(value, [&](std::string_view option) { options.push_back(Hyphenated(option)); });
  }
  return options;
}

std::string WithSecret(std::string_view value, const std::string& secret) {
  std::string text;
  for (;;) {
    const auto at = value.find(kSecret);
    text += value.substr(0, at);
    if (at == std::string_view::npos) return text;
    text += secret;
    value.remove_prefix(at + kSecret.size());
  }
}

std::optional<int> HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = LowerAscii(c);
  if (lower >= 'a' && lower <= 'f') return lower - 'a' + 10;
  return std::nullopt;
}

// A parameter's name, decoded, its letters and digits: frameworks take other characters
// for underscores, and "name[]" for a list of them.
std::string ParameterWord(std::string_view name) {
  std::string word;
  for (std::size_t i = 0; i < name.size(); ++i) {
    char c = name[i];
    if (c == '%' && i + 2 < name.size()) {
      const auto high = HexDigit(name[i + 1]);
      const auto low = HexDigit(name[i + 2]);
      if (high && low) {
        c = static_cast<char>(*high * 16 + *low);
        i += 2;
      }
    }
    const char lower = LowerAscii(c);
    if ((lower >= 'a' && lower <= 'z') || (lower >= '0' && lower <= '9')) word += lower;
  }
  return word;
}

}  // namespace

RequestParse ParseRequest(std::string_view received) {
  HeadLines lines(received, {.head = kMaxRequestHead, .line = kMaxLine});
  RequestParse parse;
  for (bool first = true;; first = false) {
    const auto line = lines.Next();
    if (!line) return lines.refusal().http_status != 0 ? Refuse(lines.refusal()) : RequestParse();
    if (line->empty() && !first) break;
    const HeadRefusal refusal =
        first ? ReadRequestLine(*line, parse.head) : ReadField(*line, parse.head);
    if (refusal.http_status != 0) return Refuse(refusal);
  }
  if (parse.head.host.empty()) return Refuse(BadHead("there is no Host field"));
  parse.state = RequestParse::State::kComplete;
  parse.head.size = lines.size();
  return parse;
}

bool HasCredentialInQuery(std::string_view target) {
  const auto mark = target.find('?');
  if (mark == std::string_view::npos) return false;
  for (std::string_view query = target.substr(mark + 1);;) {
    // ";" separates for those who follow HTML 4.01 B.2.2.
    const auto end = query.find_first_of("&;");
    const std::string_view parameter = query.substr(0, end);
    if (Has(kParameters, ParameterWord(parameter.substr(0, parameter.find('='))))) return true;
    if (end == std::string_view::npos) return false;
    query.remove_prefix(end + 1);
  }
}

std::string OutgoingHead(const RequestHead& head, const CredentialRule& rule,
                         const std::string& secret) {
  const std::vector<std::string> options = ConnectionOptions(head);
  const std::string own = Hyphenated(rule.header);
  std::string out = Format("{} {} HTTP/1.1\r\nhost: {}\r\n", head.method, head.target, rule.host);
  const auto add = [&](std::string_view name, std::string_view value) {
    out.append(name).append(": ").append(value).append("\r\n");
  };
  for (const auto& [name, value] : head.fields) {
    const std::string known = Hyphenated(name);
    const bool left_out = known == own || Has(kOwn, known) || Has(kForms, known) ||
                          Has(kOverrides, known) || IsCredential(known) ||
                          std::find(options.begin(), options.end(), known) != options.end();
    if (!left_out) add(name, value);
  }
  add("accept-encoding", "identity");
  if (head.body == RequestHead::Body::kLength) add("content-length", Format("{}", head.length));
  if (head.body == RequestHead::Body::kChunked) add("transfer-encoding", "chunked");
  if (head.close) add("connection", "close");
  add(rule.header, WithSecret(rule.value, secret));
  return out += "\r\n";
}

}  // namespace workmux::egress
