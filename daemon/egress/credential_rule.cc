#include "daemon/egress/credential_rule.h"

#include <algorithm>
#include <array>

#include "common/base/ascii_case.h"
#include "common/base/status.h"
#include "common/base/strings.h"

namespace workmux::egress {
namespace {

constexpr std::string_view kSecret = "{secret}";
constexpr std::string_view kRest = "/**";

// What a proxy writes itself, RFC 9112 3.2 and 6, RFC 9110 7.6.1 and 10.1.1.
constexpr auto kFraming = std::to_array<std::string_view>(
    {"accept-encoding", "connection", "content-length", "expect", "host", "keep-alive",
     "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"});

bool IsVisible(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c <= '~'; });
}

bool ConsistsOf(std::string_view text, bool (*is_one)(char)) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_one);
}

bool IsMethodLetter(char c) { return c >= 'A' && c <= 'Z'; }
bool IsHeaderLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; }
bool IsVariableLetter(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

// A segment with at most one "*" in it, which stands for anything. Alone it stands for
// something: to many servers "/keys/" is "/keys", and not one of them.
bool MatchesSegment(std::string_view pattern, std::string_view text) {
  const auto star = pattern.find('*');
  if (pattern == "*") return !text.empty();
  if (star == std::string_view::npos) return pattern == text;
  return text.size() + 1 >= pattern.size() && text.starts_with(pattern.substr(0, star)) &&
         text.ends_with(pattern.substr(star + 1));
}

bool HasTwoStars(std::string_view segment) {
  return std::count(segment.begin(), segment.end(), '*') > 1;
}

bool MatchesPath(std::string_view pattern, std::string_view path) {
  const bool open = pattern.ends_with(kRest);
  if (open) pattern.remove_suffix(kRest.size());
  const std::vector<std::string> wanted = Split(pattern, '/');
  const std::vector<std::string> segments = Split(path, '/');
  // What "**" stands for begins with a slash.
  if (open ? segments.size() <= wanted.size() : segments.size() != wanted.size()) return false;
  return std::equal(wanted.begin(), wanted.end(), segments.begin(), &MatchesSegment);
}

bool CanBeReadOtherwise(std::string_view path) {
  const std::string lower = LowerAscii(path);
  for (const std::string_view part :
       {"%2e", "%2f", "%5c", "%25", "%3b", "%00", "%0a", "%0d", "\\", "//"}) {
    if (lower.find(part) != std::string::npos) return true;
  }
  const std::vector<std::string> segments = Split(path, '/');
  return std::any_of(segments.begin(), segments.end(), [](const std::string& segment) {
    // Some servers take what follows a semicolon for a parameter (RFC 3986 3.3).
    const std::string name = segment.substr(0, segment.find(';'));
    return name == "." || name == ".." || (name.empty() && !segment.empty());
  });
}

absl::Status CheckHeader(const CredentialRule& rule) {
  if (!ConsistsOf(rule.header, &IsHeaderLetter))
    return InvalidArgument("\"{}\" is no name of a header", Printable(rule.header));
  if (std::find(kFraming.begin(), kFraming.end(), rule.header) != kFraming.end())
    return InvalidArgument("the header {} is not for credentials", rule.header);
  if (rule.value.find(kSecret) == std::string::npos)
    return InvalidArgument("the value does not hold {{secret}}");
  const bool is_text = std::all_of(rule.value.begin(), rule.value.end(),
                                   [](char c) { return c >= ' ' && c <= '~'; });
  if (!is_text || rule.value.front() == ' ' || rule.value.back() == ' ')
    return InvalidArgument("the value is none of a header");
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<RequestRule> ParseRequestRule(std::string_view text) {
  const auto blank = text.find(' ');
  RequestRule rule{.method = std::string(text.substr(0, blank)), .path = {}};
  if (blank == std::string_view::npos)
    return InvalidArgument("\"{}\" is not a method and a path", Printable(text));
  rule.path = std::string(text.substr(blank + 1));
  if (rule.method != "*" && !ConsistsOf(rule.method, &IsMethodLetter)) {
    return InvalidArgument("\"{}\" is no method: capital letters, or * for any",
                           Printable(rule.method));
  }
  if (!rule.path.starts_with('/') || !IsVisible(rule.path))
    return InvalidArgument("\"{}\" is no path", Printable(rule.path));
  if (rule.path.find_first_of("?#") != std::string::npos)
    return InvalidArgument("\"{}\": a rule is about paths alone", Printable(rule.path));
  std::string_view fixed = rule.path;
  if (fixed.ends_with(kRest)) fixed.remove_suffix(kRest.size());
  const std::vector<std::string> segments = Split(fixed, '/');
  if (std::any_of(segments.begin(), segments.end(), &HasTwoStars)) {
    return InvalidArgument("\"{}\": one * in a segment, and ** for all that follows at the end",
                           Printable(rule.path));
  }
  if (CanBeReadOtherwise(rule.path))
    return InvalidArgument("\"{}\" is a path that servers read in several ways",
                           Printable(rule.path));
  return rule;
}

absl::Status CheckCredential(const CredentialRule& rule) {
  WM_RETURN_IF_ERROR(CheckHeader(rule));
  if (rule.file.empty() == rule.command.empty())
    return InvalidArgument("the secret is to come from a file or a command: give one of them");
  if (!rule.file.empty() && !rule.file.starts_with('/'))
    return InvalidArgument("the file \"{}\" is not an absolute path", Printable(rule.file));
  if (rule.file.empty() && rule.command.front().empty())
    return InvalidArgument("the command has no program");
  const bool is_name = ConsistsOf(rule.variable, &IsVariableLetter) &&
                       !(rule.variable[0] >= '0' && rule.variable[0] <= '9');
  if (!rule.variable.empty() && !is_name)
    return InvalidArgument("\"{}\" is no name of a variable", Printable(rule.variable));
  return absl::OkStatus();
}

const CredentialRule* FindCredential(std::span<const CredentialRule> rules, std::string_view host) {
  const auto found = std::find_if(rules.begin(), rules.end(),
                                  [&](const CredentialRule& rule) { return rule.host == host; });
  return found == rules.end() ? nullptr : &*found;
}

bool AllowsRequest(const CredentialRule& rule, std::string_view method, std::string_view target) {
  if (rule.allow.empty()) return true;
  const std::string_view path = target.substr(0, target.find('?'));
  if (CanBeReadOtherwise(path)) return false;
  return std::any_of(rule.allow.begin(), rule.allow.end(), [&](const RequestRule& allowed) {
    return (allowed.method == "*" || allowed.method == method) && MatchesPath(allowed.path, path);
  });
}

}  // namespace workmux::egress
