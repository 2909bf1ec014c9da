#include "cli/commands/demo_agent.h"

#include "common/process/shell_quote.h"

namespace workmux::cli {
namespace {

constexpr char kScript[] = R"sh(
report=.demo-report
: >"$report"
say() { printf '%s=%s\n' "$1" "$(printf '%s' "$2" | tr '\n' ' ')" >>"$report"; }
# try NAME COMMAND...: notes what came of it, whatever that was.
try() {
  name=$1
  shift
  said=$("$@" 2>&1)
  say "$name.exit" "$?"
  say "$name.said" "$said"
}

# The prompt is the last argument.
for task; do :; done

edit() { printf '%s\n' "$task" >hello.txt; }
commit() { git add hello.txt && git commit --quiet --message "Say hello"; }
try status workmux set-window-status working
sleep 1
try edit edit
try commit commit
say head "$(git rev-parse HEAD)"
setsid sleep "$process" </dev/null >/dev/null 2>&1 &

workmux set-window-status waiting
printf 'Committed. May I look around? '
read -r answer
say answer "$answer"
workmux set-window-status working

try secret cat "$home/.ssh/id_demo"
try own_secret cat "$HOME/.ssh/id_demo"
try home ls -A "$home"
plant() {
  hooks=$(git rev-parse --git-path hooks) && mkdir -p "$hooks" || return
  for hook in post-merge post-checkout post-commit; do
    printf '#!/bin/sh\n: >"%s"\n' "$mark" >"$hooks/$hook" && chmod 755 "$hooks/$hook" || return
  done
}
try hook plant
try config git config core.fsmonitor ": >'$mark'; false"
try move git update-ref refs/heads/main HEAD
try delete git branch --quiet -D keep
sleep 1
workmux set-window-status done
)sh";

}  // namespace

std::string DemoAgentScript(const DemoTargets& targets) {
  std::string script = "#!/bin/sh\n";
  script += "home=" + ShellQuote(targets.home.string()) + "\n";
  script += "mark=" + ShellQuote(targets.hook_mark.string()) + "\n";
  script += "process=" + ShellQuote(targets.process_argument) + "\n";
  return script + kScript;
}

}  // namespace workmux::cli
