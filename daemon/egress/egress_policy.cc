#include "daemon/egress/egress_policy.h"

#include <libpsl.h>

#include "common/base/status.h"
#include "common/base/strings.h"
#include "daemon/egress/host_name.h"

namespace workmux::egress {
namespace {

constexpr std::string_view kWildcard = "*.";

absl::Status Invalid(std::string_view text, std::string_view why) {
  return WithHint(
      WithReason(InvalidArgument("'{}' {}", Printable(text), why), "EGRESS_RULE_INVALID"),
      "Write a host such as api.example.com, or *.example.com for every name below it.");
}

// A suffix that the list has, not one that its rule for unknown ones would make.
bool IsPublicSuffix(const std::string& host, int part) {
  const psl_ctx_t* list = psl_builtin();
  return list != nullptr &&
         psl_is_public_suffix2(list, host.c_str(), part | PSL_TYPE_NO_STAR_RULE) == 1;
}

bool Matches(const HostRule& rule, std::string_view host) {
  if (!rule.below) return host == rule.host;
  return host.size() > rule.host.size() + 1 && host.ends_with(rule.host) &&
         host[host.size() - rule.host.size() - 1] == '.';
}

}  // namespace

absl::StatusOr<HostRule> ParseHostRule(std::string_view text, bool allow_private_ips) {
  HostRule rule{
      .host = {}, .below = text.starts_with(kWildcard), .allow_private_ips = allow_private_ips};
  const std::string_view name = rule.below ? text.substr(kWildcard.size()) : text;
  if (name.find('*') != std::string_view::npos)
    return Invalid(text, "has a * that is not the whole first label");
  absl::StatusOr<std::string> host = NormalHost(name);
  if (!host.ok()) return Invalid(text, MessageOf(host.status()));
  rule.host = *std::move(host);
  if (rule.below && allow_private_ips)
    return Invalid(text, "opens private addresses for more than one host");
  if (rule.below && IsPublicSuffix(rule.host, PSL_TYPE_ICANN))
    return Invalid(text, "allows everybody's names: it is a public suffix");
  return rule;
}

std::string DoubtAbout(const HostRule& rule) {
  if (!rule.below || !IsPublicSuffix(rule.host, PSL_TYPE_PRIVATE)) return {};
  return Format("{}: anybody can have a name below {}", rule.text(), rule.host);
}

const HostRule* FindRule(std::span<const HostRule> rules, std::string_view host) {
  const HostRule* found = nullptr;
  for (const HostRule& rule : rules) {
    if (!Matches(rule, host)) continue;
    if (!rule.below) return &rule;
    if (found == nullptr || rule.host.size() > found->host.size()) found = &rule;
  }
  return found;
}

}  // namespace workmux::egress
