#include "daemon/domain/agent_command.h"

#include <algorithm>
#include <cctype>
#include <span>

#include "common/base/format.h"
#include "common/base/strings.h"
#include "common/process/shell_quote.h"

namespace workmux::daemon {
namespace {

constexpr std::string_view kBlank = " \t\n";

// The end of the shell word at `at`; npos when it is more than one plain word
// (an operator, a substitution, an open quote).
std::size_t WordEnd(std::string_view text, std::size_t at) {
  while (at < text.size() && kBlank.find(text[at]) == std::string_view::npos) {
    const char c = text[at];
    if (std::string_view(";&|<>()`$").find(c) != std::string_view::npos) {
      return std::string_view::npos;
    }
    if (c == '\'' || c == '"') {
      at = text.find(c, at + 1);
      if (at == std::string_view::npos) return at;
    } else if (c == '\\') {
      ++at;
    }
    ++at;
  }
  return std::min(at, text.size());
}

bool IsAssignment(std::string_view word) {
  const std::size_t equals = word.find('=');
  if (equals == 0 || equals == std::string_view::npos) return false;
  return std::all_of(word.begin(), word.begin() + static_cast<std::ptrdiff_t>(equals), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
  });
}

bool IsEnv(std::string_view word) { return word.substr(word.rfind('/') + 1) == "env"; }

// env(1): options whose value is the next word.
bool TakesNextWord(std::string_view flag) {
  return flag == "-u" || flag == "--unset" || flag == "-C" || flag == "--chdir";
}

std::string Unquoted(std::string_view word) {
  std::string plain;
  for (const char c : word) {
    if (c != '\'' && c != '"' && c != '\\') plain += c;
  }
  return plain;
}

// Whether `words` (separated by single spaces) already stand in the arguments.
bool HasWords(const ResolvedAgent& agent, std::string_view extra, std::string_view words) {
  std::string all = " " + agent.command.after + " ";
  for (const std::string& arg : agent.args) all += arg + " ";
  all += std::string(extra) + " ";
  return all.find(Format(" {} ", words)) != std::string::npos;
}

// `env A='1' B="$X" `, joined with what the user's own line already sets.
std::string Environment(const ResolvedAgent& agent) {
  std::string text = agent.command.before;
  if (agent.env.empty()) return text;
  if (!IsEnv(text.substr(0, text.find_first_of(kBlank)))) text.insert(0, "env ");
  for (const auto& [name, value] : agent.env) {
    if (const auto* from = std::get_if<EnvFrom>(&value)) {
      text += Format("{}=\"${}\" ", name, from->name);
    } else {
      text += Format("{}={} ", name, ShellQuote(std::get<std::string>(value)));
    }
  }
  return text;
}

std::string PromptArgument(const AgentProfile& profile, const std::filesystem::path& file,
                           bool by_name) {
  // Inside of "$(…)" quotes start anew, in POSIX shells as in fish.
  const std::string content = Format("$(cat -- {})", ShellQuote(file.string()));
  const std::string word = by_name
                               ? ShellQuote(Format("Read {} and do what it says.", file.string()))
                               : '"' + content + '"';
  switch (profile.prompt_form) {
    case PromptForm::kOptionValue:
      return Format("{}={}", profile.prompt_option, word);
    case PromptForm::kPositional:
      // With a space before it a prompt such as "-x" cannot be an option.
      return by_name ? word : Format("\" {}\"", content);
    case PromptForm::kAfterDoubleDash:
      break;
  }
  return "-- " + word;
}

void Append(std::string& line, std::string_view words) {
  if (words.empty()) return;
  line += ' ';
  line += words;
}

}  // namespace

CommandLine SplitCommandLine(std::string_view text) {
  text = Trim(text);
  bool in_env = false;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = WordEnd(text, at);
    if (end == std::string_view::npos) break;
    const std::string_view word = text.substr(at, end - at);
    std::size_t next = text.find_first_not_of(kBlank, end);
    if (next == std::string_view::npos) next = text.size();
    const bool is_flag = in_env && word.starts_with('-');
    if (!IsEnv(word) && !is_flag && !IsAssignment(word)) {
      return {std::string(text.substr(0, at)), std::string(word), std::string(text.substr(end))};
    }
    in_env = in_env || IsEnv(word);
    if (is_flag && word.starts_with("-S")) break;
    if (is_flag && TakesNextWord(word)) {
      const std::size_t value_end = WordEnd(text, next);
      if (value_end == std::string_view::npos) break;
      next = std::min(text.find_first_not_of(kBlank, value_end), text.size());
    }
    at = next;
  }
  return {"", "", std::string(text)};
}

ResolvedAgent ResolveAgent(const Config& config, std::string_view choice) {
  std::string wanted{Trim(choice)};
  if (wanted.empty()) wanted = Trim(config.agent);
  if (wanted.empty()) wanted = "claude";

  ResolvedAgent agent;
  const auto declared = config.agents.find(wanted);
  if (declared == config.agents.end()) {
    agent.command = SplitCommandLine(wanted);
    const std::string program = Unquoted(agent.command.program);
    agent.profile = &FindProfile(program);
    agent.name = IsKnown(*agent.profile) ? std::string(agent.profile->name)
                                         : std::filesystem::path(program).stem().string();
    if (agent.name.empty()) agent.name = agent.profile->name;
    return agent;
  }
  const AgentConfig& entry = declared->second;
  const std::string& command = !entry.command.empty() ? entry.command
                               : !entry.type.empty()  ? entry.type
                                                      : wanted;
  agent.name = wanted;
  agent.command = SplitCommandLine(command);
  agent.args = entry.args;
  agent.env = entry.env;
  agent.profile = &FindProfile(Unquoted(agent.command.program));
  if (!IsKnown(*agent.profile)) agent.profile = &FindProfile(entry.type);
  return agent;
}

std::string BuildAgentCommand(const ResolvedAgent& agent, const AgentCommandOptions& options) {
  const AgentProfile& profile = *agent.profile;
  std::string line = Environment(agent) + agent.command.program;
  if (!agent.command.program.empty()) {
    if (!HasWords(agent, options.extra_args, profile.subcommand)) Append(line, profile.subcommand);
    if (options.sandboxed && !HasWords(agent, options.extra_args, profile.skip_permissions)) {
      Append(line, profile.skip_permissions);
    }
  }
  line += agent.command.after;
  Append(line, ShellQuoteJoin(agent.args));
  Append(line, options.extra_args);
  if (options.resume) Append(line, profile.resume);
  if (options.prompt_file)
    Append(line, PromptArgument(profile, *options.prompt_file, options.prompt_by_name));
  if (options.login_shell_is_posix) return line;
  return "sh -c " + ShellQuote(line);
}

}  // namespace workmux::daemon
