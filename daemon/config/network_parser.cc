#include "daemon/config/network_parser.h"

#include <algorithm>

#include "common/base/status.h"
#include "common/base/strings.h"
#include "daemon/egress/presets.h"

namespace workmux::daemon {
namespace {

using egress::HostPort;
using egress::HostRule;

absl::StatusOr<HostRule> ReadRule(const ValueReader& reader, const YamlNode& node,
                                  bool allow_private_ips) {
  WM_ASSIGN_OR_RETURN(const std::string text, reader.Line(node));
  absl::StatusOr<HostRule> rule = egress::ParseHostRule(text, allow_private_ips);
  if (!rule.ok()) return reader.Error(node.place, MessageOf(rule.status()));
  if (const std::string doubt = egress::DoubtAbout(*rule); !doubt.empty())
    reader.Warn(node.place, doubt);
  return rule;
}

absl::StatusOr<HostRule> ReadDomain(const ValueReader& reader, const YamlNode& node) {
  if (!node.IsMap()) return ReadRule(reader, node, /*allow_private_ips=*/false);
  WM_RETURN_IF_ERROR(reader.RequireKnownKeys(node, {"host", "allow_private_ips"}));
  const YamlNode* host = nullptr;
  bool allow_private_ips = false;
  for (const auto& [key, value] : node.entries) {
    if (value.IsNull()) continue;
    if (key.name == "host") {
      host = &value;
    } else {
      WM_ASSIGN_OR_RETURN(allow_private_ips,
                          reader.For(reader.key() + ".allow_private_ips").Bool(value));
    }
  }
  if (host == nullptr) return reader.Error(node.place, "host is missing");
  return ReadRule(reader.For(reader.key() + ".host"), *host, allow_private_ips);
}

absl::StatusOr<HostPort> ReadHostPort(const ValueReader& reader, const YamlNode& node) {
  WM_RETURN_IF_ERROR(reader.RequireMap(node));
  WM_RETURN_IF_ERROR(reader.RequireKnownKeys(node, {"name", "port"}));
  HostPort service;
  for (const auto& [key, value] : node.entries) {
    const ValueReader below = reader.For(Format("{}.{}", reader.key(), key.name));
    if (key.name == "name") {
      WM_ASSIGN_OR_RETURN(service.name, below.Line(value));
    } else {
      WM_ASSIGN_OR_RETURN(const int port, below.Integer(value, 1, 65535));
      service.port = static_cast<std::uint16_t>(port);
    }
  }
  if (service.name.empty()) return reader.Error(node.place, "name is missing");
  if (service.port == 0) return reader.Error(node.place, "port is missing");
  const absl::Status valid = egress::CheckHostPort(service);
  return valid.ok() ? absl::StatusOr<HostPort>(service)
                    : reader.Error(node.place, MessageOf(valid));
}

}  // namespace

absl::StatusOr<std::vector<HostRule>> ParseAllowedDomains(const ValueReader& reader,
                                                          const YamlNode& node) {
  WM_RETURN_IF_ERROR(reader.RequireList(node));
  std::vector<HostRule> rules;
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    WM_ASSIGN_OR_RETURN(HostRule rule,
                        ReadDomain(reader.For(Format("{}[{}]", reader.key(), i)), node.items[i]));
    rules.push_back(std::move(rule));
  }
  return rules;
}

absl::StatusOr<std::vector<HostPort>> ParseHostPorts(const ValueReader& reader,
                                                     const YamlNode& node) {
  WM_RETURN_IF_ERROR(reader.RequireList(node));
  std::vector<HostPort> services;
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    const ValueReader below = reader.For(Format("{}[{}]", reader.key(), i));
    WM_ASSIGN_OR_RETURN(HostPort service, ReadHostPort(below, node.items[i]));
    for (const HostPort& other : services) {
      if (other.name == service.name)
        return below.Error(node.items[i].place, Format("\"{}\" stands there twice", service.name));
      if (other.port == service.port) {
        return below.Error(node.items[i].place,
                           Format("port {} is \"{}\" already", service.port, other.name));
      }
    }
    services.push_back(std::move(service));
  }
  return services;
}

absl::StatusOr<std::vector<std::string>> ParsePresets(const ValueReader& reader,
                                                      const YamlNode& node) {
  WM_ASSIGN_OR_RETURN(std::vector<std::string> names, reader.TextList(node));
  const std::vector<std::string_view> known = egress::PresetNames();
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i] == "{agent}" || std::find(known.begin(), known.end(), names[i]) != known.end())
      continue;
    return reader.Error(
        node.items[i].place,
        Format("there is no preset \"{}\"{}", Printable(names[i]), Suggestion(names[i], known)));
  }
  return names;
}

}  // namespace workmux::daemon
