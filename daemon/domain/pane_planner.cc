#include "daemon/domain/pane_planner.h"

#include <algorithm>

#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/process/shell_quote.h"

namespace workmux::daemon {
namespace {

struct PaneCommand {
  enum class Kind { kShell, kAgent, kLiteralAgent, kLiteral };
  Kind kind = Kind::kShell;
  std::string agent;  // "NAME" of <agent:NAME>
  std::string text;   // the literal, or what stands behind <agent>
  bool runs_agent() const { return kind == Kind::kAgent || kind == Kind::kLiteralAgent; }
};

absl::Status BadPanes(std::size_t index, std::string_view what) {
  return WithReason(InvalidArgument("panes[{}]: {}", index, what), "BAD_PANES");
}

absl::StatusOr<PaneCommand> ParsePaneCommand(std::size_t index, const PaneConfig& pane,
                                             AgentLauncher& agents) {
  PaneCommand parsed;
  const std::string_view text = pane.command ? Trim(*pane.command) : std::string_view();
  if (text.empty()) return parsed;
  if (std::any_of(text.begin(), text.end(),
                  [](unsigned char c) { return c < 0x20 && c != '\t'; })) {
    // It is typed: a line break would run the first half by itself.
    return WithHint(BadPanes(index, "the command has more than one line"),
                    "join the lines with && or put them into a script");
  }
  if (text.starts_with("<agent")) {
    const auto end = text.find('>');
    const std::string_view inner = text.substr(6, end == std::string_view::npos ? end : end - 6);
    const bool named = inner.size() > 1 && inner.front() == ':';
    const bool ends_well =
        end != std::string_view::npos &&
        (end + 1 == text.size() || text[end + 1] == ' ' || text[end + 1] == '\t');
    if (!ends_well || (!inner.empty() && !named)) {
      return BadPanes(index, Format("'{}' is neither <agent> nor <agent:NAME>", Printable(text)));
    }
    parsed.kind = PaneCommand::Kind::kAgent;
    if (named) parsed.agent = inner.substr(1);
    parsed.text = Trim(text.substr(end + 1));
    return parsed;
  }
  parsed.kind =
      agents.IsAgentCommand(text) ? PaneCommand::Kind::kLiteralAgent : PaneCommand::Kind::kLiteral;
  parsed.text = text;
  return parsed;
}

std::vector<PaneConfig> DefaultPanes(bool with_agent) {
  PaneConfig first;
  first.focus = true;
  if (with_agent) first.command = "<agent>";
  PaneConfig second;
  second.split = "horizontal";
  return {first, second};
}

absl::StatusOr<PaneSpec> PlanGeometry(std::size_t index, const PaneConfig& pane) {
  PaneSpec spec;
  spec.focus = pane.focus || pane.zoom;
  spec.zoom = pane.zoom;
  spec.size = pane.size;
  spec.percentage = pane.percentage;
  spec.target = pane.target;
  if (index == 0) {
    if (!pane.split.empty() || pane.size || pane.percentage || pane.target) {
      return BadPanes(index, "the first pane takes no split, size, percentage or target");
    }
    return spec;
  }
  if (pane.split == "horizontal") {
    spec.split = SplitDirection::kHorizontal;
  } else if (pane.split == "vertical") {
    spec.split = SplitDirection::kVertical;
  } else {
    return BadPanes(index, "split must be horizontal or vertical");
  }
  if (pane.size && pane.percentage)
    return BadPanes(index, "size and percentage exclude each other");
  if (pane.size && *pane.size < 1) return BadPanes(index, "size must be at least 1");
  if (pane.percentage && (*pane.percentage < 1 || *pane.percentage > 100)) {
    return BadPanes(index, "percentage must be between 1 and 100");
  }
  if (pane.target && (*pane.target < 0 || static_cast<std::size_t>(*pane.target) >= index)) {
    return BadPanes(index, "target must be the index of an earlier pane");
  }
  return spec;
}

// The agent that -a names has to run somewhere.
void GiveAgentAPane(const std::vector<PaneConfig>& panes, std::vector<PaneCommand>& commands) {
  if (std::any_of(commands.begin(), commands.end(),
                  [](const PaneCommand& c) { return c.runs_agent(); })) {
    return;
  }
  const auto focused = std::find_if(panes.begin(), panes.end(),
                                    [](const PaneConfig& p) { return p.focus || p.zoom; });
  const auto index = focused == panes.end() ? 0 : focused - panes.begin();
  commands[static_cast<std::size_t>(index)] = PaneCommand{PaneCommand::Kind::kAgent, "", ""};
}

absl::StatusOr<std::string> TypedLine(const Config& config, const PanePlanRequest& request,
                                      const PaneCommand& command, AgentLauncher& agents,
                                      PanePlan& plan) {
  const bool wrap =
      request.sandboxed && (command.runs_agent() || config.sandbox.target == SandboxTarget::kAll);
  if (command.kind == PaneCommand::Kind::kShell) {
    plan.sandboxed = plan.sandboxed || wrap;
    return wrap ? SandboxShellLine(request.cli_path, request.agent, request.backend)
                : std::string();
  }
  const std::string agent = command.agent.empty() ? request.agent : command.agent;
  std::string line = command.text;
  if (command.runs_agent()) {
    AgentLaunch launch;
    launch.agent = agent;
    if (command.kind == PaneCommand::Kind::kLiteralAgent) {
      launch.literal = command.text;
    } else {
      launch.extra = command.text;
    }
    launch.prompt_file = request.prompt_file;
    launch.prompt_by_name = request.prompt_by_name;
    launch.sandboxed = wrap;
    launch.continue_conversation = request.continue_conversation;
    WM_ASSIGN_OR_RETURN(line, agents.CommandLine(launch));
    if (plan.agent.empty()) plan.agent = agent.empty() ? config.agent : agent;
    if (plan.agent.empty()) plan.agent = "claude";
  }
  if (!wrap) return line;
  plan.sandboxed = true;
  const bool named = command.kind == PaneCommand::Kind::kAgent;
  return SandboxCommandLine(request.cli_path, named ? agent : "", request.backend, request.cwd,
                            line);
}

absl::Status CheckPrompt(const PanePlanRequest& request, const std::vector<PaneCommand>& commands) {
  if (!request.has_prompt) return absl::OkStatus();
  if (request.no_pane_commands) {
    return WithHint(WithReason(InvalidArgument("a prompt needs a pane command that reads it"),
                               "PROMPT_WITHOUT_COMMANDS"),
                    "leave out either the prompt or --no-pane-cmds");
  }
  const bool consumed = std::any_of(commands.begin(), commands.end(),
                                    [](const PaneCommand& c) { return c.runs_agent(); });
  if (consumed || !request.prompt_file) return absl::OkStatus();
  return WithHint(WithReason(InvalidArgument("no pane runs an agent that would read the prompt"),
                             "NO_PANE_FOR_PROMPT"),
                  "name an agent with -a, or put <agent> into a pane's command");
}

std::string SandboxVerb(const std::filesystem::path& cli_path, std::string_view verb,
                        const std::string& agent, const std::string& backend) {
  std::string line = " " + ShellQuote(cli_path.empty() ? "workmux" : cli_path.string());
  line += Format(" sandbox {}", verb);
  // With "=" a name that starts with a dash stays a value.
  if (!agent.empty()) line += " " + ShellQuote("--agent=" + agent);
  if (!backend.empty()) line += " " + ShellQuote("--backend=" + backend);
  return line;
}

}  // namespace

std::string SandboxCommandLine(const std::filesystem::path& cli_path, const std::string& agent,
                               const std::string& backend, const std::filesystem::path& cwd,
                               const std::string& command) {
  return SandboxVerb(cli_path, "run", agent, backend) + " " + ShellQuote(cwd.string()) + " -- " +
         ShellQuote(command);
}

std::string SandboxShellLine(const std::filesystem::path& cli_path, const std::string& agent,
                             const std::string& backend) {
  return SandboxVerb(cli_path, "shell", agent, backend);
}

absl::StatusOr<PanePlan> PlanPanes(const Config& config, const PanePlanRequest& request,
                                   AgentLauncher& agents) {
  std::vector<PaneConfig> panes =
      config.panes ? *config.panes : DefaultPanes(request.agent_by_default);
  if (panes.empty()) panes.emplace_back();
  std::vector<PaneCommand> commands;
  for (std::size_t i = 0; i < panes.size(); ++i) {
    WM_ASSIGN_OR_RETURN(PaneCommand command, ParsePaneCommand(i, panes[i], agents));
    commands.push_back(std::move(command));
  }
  if (!request.agent.empty() && !request.no_pane_commands) GiveAgentAPane(panes, commands);
  WM_RETURN_IF_ERROR(CheckPrompt(request, commands));
  if (std::count_if(panes.begin(), panes.end(), [](const PaneConfig& p) { return p.zoom; }) > 1) {
    return WithReason(InvalidArgument("panes: only one pane can be zoomed"), "BAD_PANES");
  }

  PanePlan plan;
  for (std::size_t i = 0; i < panes.size(); ++i) {
    WM_ASSIGN_OR_RETURN(PaneSpec spec, PlanGeometry(i, panes[i]));
    spec.cwd = request.cwd;
    if (!request.no_pane_commands) {
      WM_ASSIGN_OR_RETURN(spec.command, TypedLine(config, request, commands[i], agents, plan));
    }
    plan.panes.push_back(std::move(spec));
  }
  return plan;
}

}  // namespace workmux::daemon
