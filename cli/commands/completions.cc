#include "cli/commands/completions.h"

#include "cli/exit_code.h"
#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/process/shell_quote.h"
#include "workmux/control/v1/workspace.pb.h"

namespace workmux::cli {
namespace {

bool IsNested(const CompletionEntry& entry) { return entry.name.find(' ') != std::string::npos; }

std::string TopLevel(const std::vector<CompletionEntry>& entries) {
  std::vector<std::string> names;
  for (const auto& entry : entries) {
    if (!IsNested(entry)) names.push_back(entry.name);
  }
  return Join(names, " ");
}

// zsh reads the same function through bashcompinit.
std::string BashScript(const std::vector<CompletionEntry>& entries) {
  std::string cases;
  for (const auto& entry : entries) {
    std::vector<std::string> words = entry.flags;
    words.insert(words.end(), entry.words.begin(), entry.words.end());
    cases += Format("    {}) words={}{} ;;\n", ShellQuote(entry.name), ShellQuote(Join(words, " ")),
                    entry.takes_worktree ? "; names=1" : "");
  }
  return Format(R"(_workmux() {{
  local current=${{COMP_WORDS[COMP_CWORD]}} words= names= command
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=( $(compgen -W {} -- "$current") )
    return
  fi
  command=${{COMP_WORDS[1]}}
  if [ "$COMP_CWORD" -gt 2 ]; then
    case $command in sandbox|daemon|config) command="$command ${{COMP_WORDS[2]}}" ;; esac
  fi
  case $command in
{}  esac
  COMPREPLY=( $(compgen -W "$words" -- "$current") )
  if [ -n "$names" ] && [ "${{current#-}}" = "$current" ]; then
    local name
    while IFS= read -r name; do
      case $name in "$current"*) COMPREPLY+=( "$name" ) ;; esac
    done < <(workmux _complete 2>/dev/null)
  fi
}}
complete -F _workmux workmux
)",
                ShellQuote(TopLevel(entries)), cases);
}

std::string FishLine(const std::string& condition, const std::string& rest) {
  return Format("complete -c workmux -n {} {}\n", ShellQuote(condition), rest);
}

std::string FishScript(const std::vector<CompletionEntry>& entries) {
  std::string script = "complete -c workmux -f\n";
  for (const auto& entry : entries) {
    const std::vector<std::string> path = Split(entry.name, ' ');
    const std::string seen =
        "__fish_seen_subcommand_from " + path.front() +
        (path.size() > 1 ? "; and __fish_seen_subcommand_from " + path.back() : "");
    if (path.size() == 1) {
      script += FishLine("__fish_use_subcommand",
                         Format("-a {} -d {}", ShellQuote(entry.name), ShellQuote(entry.summary)));
    }
    for (const std::string& flag : entry.flags) {
      const bool is_long = flag.starts_with("--");
      script +=
          FishLine(seen, Format("{} {}", is_long ? "-l" : "-s", flag.substr(is_long ? 2 : 1)));
    }
    if (!entry.words.empty()) script += FishLine(seen, "-a " + ShellQuote(Join(entry.words, " ")));
    if (entry.takes_worktree) script += FishLine(seen, "-a '(workmux _complete 2>/dev/null)'");
  }
  return script;
}

}  // namespace

absl::StatusOr<std::string> CompletionScript(const std::string& shell,
                                             const std::vector<CompletionEntry>& entries) {
  if (shell == "bash") return BashScript(entries);
  if (shell == "zsh") {
    return "#compdef workmux\nautoload -U +X bashcompinit && bashcompinit\n" + BashScript(entries);
  }
  if (shell == "fish") return FishScript(entries);
  return WithHint(InvalidArgument("{}: no completions for this shell", shell),
                  "use bash, zsh or fish");
}

absl::StatusOr<int> RunCompletions(const CompletionsOptions& options,
                                   const std::vector<CompletionEntry>& entries,
                                   const CommandEnv& env) {
  WM_ASSIGN_OR_RETURN(const std::string script, CompletionScript(options.shell, entries));
  env.terminal.Out(script);
  return kExitOk;
}

absl::StatusOr<int> RunComplete(const CommandEnv& env) {
  control::v1::ListWorktreesRequest request;
  WM_RETURN_IF_ERROR(FillContext(env.invocation, *request.mutable_context()));
  DaemonClient client(env.launcher, StartPolicy::kNever);
  const auto response = client.ListWorktrees(request);
  if (!response.ok()) return kExitOk;
  for (const auto& entry : response->worktrees()) {
    env.terminal.Out(PrintableLines(entry.handle()) + "\n");
  }
  return kExitOk;
}

}  // namespace workmux::cli
