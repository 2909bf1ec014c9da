#include "daemon/config/credential_parser.h"

#include <algorithm>
#include <optional>

#include "common/base/ascii_case.h"
#include "common/base/status.h"
#include "common/base/strings.h"
#include "daemon/egress/egress_policy.h"

namespace workmux::daemon {
namespace {

using egress::CredentialRule;
using egress::RequestRule;

constexpr char kAuthorization[] = "authorization";

absl::StatusOr<std::string> ReadHost(const ValueReader& reader, const YamlNode& node) {
  WM_ASSIGN_OR_RETURN(const std::string text, reader.Line(node));
  absl::StatusOr<egress::HostRule> rule = egress::ParseHostRule(text, /*allow_private_ips=*/false);
  if (!rule.ok()) return reader.Error(node.place, MessageOf(rule.status()));
  if (!rule->below) return std::move(rule->host);
  return reader.Error(node.place,
                      Format("a credential is for one host, and {} is many", rule->text()));
}

absl::StatusOr<std::string> ReadHeader(const ValueReader& reader, const YamlNode& node) {
  WM_ASSIGN_OR_RETURN(const std::string name, reader.Line(node));
  return LowerAscii(name);
}

absl::StatusOr<std::string> ReadFileName(const ValueReader& reader, const YamlNode& node) {
  // Not moved into a local: gcc 12 takes that string for uninitialized at -O2.
  absl::StatusOr<std::string> path = reader.Line(node);
  if (!path.ok() || path->starts_with('/') || path->starts_with("~/")) return path;
  return reader.Error(node.place, Format("expected an absolute path or one that starts with ~/, "
                                         "found {}",
                                         DescribeValue(node)));
}

absl::StatusOr<std::vector<std::string>> ReadCommand(const ValueReader& reader,
                                                     const YamlNode& node) {
  WM_ASSIGN_OR_RETURN(std::vector<std::string> argv, reader.TextList(node));
  if (argv.empty() || argv[0].empty())
    return reader.Error(node.place, "expected a program and its arguments");
  return argv;
}

absl::StatusOr<std::string> ReadVariable(const ValueReader& reader, const YamlNode& node) {
  // Not moved into a local: as in ReadFileName.
  absl::StatusOr<std::string> name = reader.Line(node);
  if (!name.ok() || IsVariableName(*name)) return name;
  return reader.Error(node.place,
                      Format("expected a variable's name, found {}", DescribeValue(node)));
}

absl::StatusOr<std::vector<RequestRule>> ReadRequests(const ValueReader& reader,
                                                      const YamlNode& node) {
  WM_ASSIGN_OR_RETURN(const std::vector<std::string> texts, reader.TextList(node));
  // To the rule no requests are all of them: the opposite of what is written.
  if (texts.empty())
    return reader.Error(node.place, "an empty list is of no use; leave it out for every request");
  std::vector<RequestRule> rules;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    absl::StatusOr<RequestRule> rule = egress::ParseRequestRule(texts[i]);
    if (!rule.ok()) {
      return reader.For(Format("{}[{}]", reader.key(), i))
          .Error(node.items[i].place, MessageOf(rule.status()));
    }
    rules.push_back(*std::move(rule));
  }
  return rules;
}

absl::Status ReadField(const ValueReader& reader, std::string_view name, const YamlNode& node,
                       CredentialRule& rule, std::optional<std::string>& value) {
  if (name == "host") {
    WM_ASSIGN_OR_RETURN(rule.host, ReadHost(reader, node));
  } else if (name == "header") {
    WM_ASSIGN_OR_RETURN(rule.header, ReadHeader(reader, node));
  } else if (name == "value") {
    WM_ASSIGN_OR_RETURN(value, reader.Line(node));
  } else if (name == "file") {
    WM_ASSIGN_OR_RETURN(rule.file, ReadFileName(reader, node));
  } else if (name == "command") {
    WM_ASSIGN_OR_RETURN(rule.command, ReadCommand(reader, node));
  } else if (name == "env") {
    WM_ASSIGN_OR_RETURN(rule.variable, ReadVariable(reader, node));
  } else {
    WM_ASSIGN_OR_RETURN(rule.allow, ReadRequests(reader, node));
  }
  return absl::OkStatus();
}

absl::StatusOr<CredentialRule> ReadCredential(const ValueReader& reader, const YamlNode& node) {
  WM_RETURN_IF_ERROR(reader.RequireMap(node));
  WM_RETURN_IF_ERROR(reader.RequireKnownKeys(
      node, {"host", "header", "value", "file", "command", "env", "allow"}));
  CredentialRule rule;
  rule.header = kAuthorization;
  std::optional<std::string> value;
  for (const auto& [key, field] : node.entries) {
    // Nothing in the place of the requests would be all of them.
    if (field.IsNull() && key.name != "allow") continue;
    const ValueReader below = reader.For(Format("{}.{}", reader.key(), key.name));
    WM_RETURN_IF_ERROR(ReadField(below, key.name, field, rule, value));
  }
  if (rule.host.empty()) return reader.Error(node.place, "host is missing");
  rule.value = value ? *value : rule.header == kAuthorization ? "Bearer {secret}" : "{secret}";
  // Whose home it is only a start knows.
  CredentialRule expanded = rule;
  if (expanded.file.starts_with('~')) expanded.file.erase(0, 1);
  const absl::Status valid = egress::CheckCredential(expanded);
  if (!valid.ok()) return reader.Error(node.place, MessageOf(valid));
  return rule;
}

}  // namespace

absl::StatusOr<std::vector<CredentialRule>> ParseCredentials(const ValueReader& reader,
                                                             const YamlNode& node) {
  WM_RETURN_IF_ERROR(reader.RequireList(node));
  std::vector<CredentialRule> rules;
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    const ValueReader below = reader.For(Format("{}[{}]", reader.key(), i));
    WM_ASSIGN_OR_RETURN(CredentialRule rule, ReadCredential(below, node.items[i]));
    const bool again = std::any_of(rules.begin(), rules.end(), [&](const CredentialRule& other) {
      return other.host == rule.host;
    });
    if (again)
      return below.Error(node.items[i].place, Format("\"{}\" stands there twice", rule.host));
    rules.push_back(std::move(rule));
  }
  return rules;
}

}  // namespace workmux::daemon
