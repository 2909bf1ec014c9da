#include "daemon/config/agents_parser.h"

#include "common/base/status.h"
#include "common/base/strings.h"

namespace workmux::daemon {
namespace {

bool IsAgentName(std::string_view name) {
  return !name.empty() && name[0] != '-' && Printable(name) == name &&
         name.find_first_of(" <>\"'") == std::string_view::npos;
}

absl::StatusOr<std::variant<std::string, EnvFrom>> ReadEnvValue(const ValueReader& reader,
                                                                const YamlNode& node) {
  if (!node.IsMap()) return reader.Text(node);
  if (node.entries.size() != 1 || node.entries[0].first.name != "from_env") {
    return reader.Error(node.place, "expected text or {from_env: NAME}");
  }
  const YamlNode& source = node.entries[0].second;
  WM_ASSIGN_OR_RETURN(std::string name, reader.Text(source));
  if (!IsVariableName(name)) {
    return reader.Error(source.place,
                        Format("expected a variable's name, found {}", DescribeValue(source)));
  }
  return EnvFrom{std::move(name)};
}

absl::Status ReadEnv(const ValueReader& reader, const YamlNode& node, AgentConfig& agent) {
  WM_RETURN_IF_ERROR(reader.RequireMap(node));
  for (const auto& [key, value] : node.entries) {
    if (!IsVariableName(key.name)) {
      return reader.Error(key.place,
                          Format("\"{}\" is not a variable's name", Printable(key.name)));
    }
    const ValueReader at_value = reader.For(Format("{}.{}", reader.key(), key.name));
    WM_ASSIGN_OR_RETURN(agent.env[key.name], ReadEnvValue(at_value, value));
  }
  return absl::OkStatus();
}

absl::StatusOr<AgentConfig> ReadAgent(const ValueReader& reader, const YamlNode& node) {
  AgentConfig agent;
  if (!node.IsMap()) {
    WM_ASSIGN_OR_RETURN(agent.command, reader.Line(node));
    if (Trim(agent.command).empty()) return reader.Error(node.place, "a command is needed");
    return agent;
  }
  reader.WarnOfUnknownKeys(node, {"command", "type", "args", "env"});
  for (const auto& [key, value] : node.entries) {
    if (value.IsNull()) continue;
    const ValueReader at_field = reader.For(Format("{}.{}", reader.key(), key.name));
    if (key.name == "command") {
      WM_ASSIGN_OR_RETURN(agent.command, at_field.Line(value));
    } else if (key.name == "type") {
      WM_ASSIGN_OR_RETURN(agent.type, at_field.Line(value));
    } else if (key.name == "args") {
      WM_ASSIGN_OR_RETURN(agent.args, at_field.TextList(value));
    } else if (key.name == "env") {
      WM_RETURN_IF_ERROR(ReadEnv(at_field, value, agent));
    }
  }
  return agent;
}

}  // namespace

absl::StatusOr<std::map<std::string, AgentConfig>> ParseAgents(const ValueReader& reader,
                                                               const YamlNode& node) {
  WM_RETURN_IF_ERROR(reader.RequireMap(node));
  std::map<std::string, AgentConfig> agents;
  for (const auto& [key, value] : node.entries) {
    if (!IsAgentName(key.name)) {
      return reader.Error(key.place, Format("\"{}\" is not an agent's name", Printable(key.name)));
    }
    const ValueReader at_agent = reader.For(Format("{}.{}", reader.key(), key.name));
    WM_ASSIGN_OR_RETURN(agents[key.name], ReadAgent(at_agent, value));
  }
  return agents;
}

}  // namespace workmux::daemon
