#include "daemon/adapters/tmux/window_builder.h"

#include <algorithm>
#include <array>
#include <optional>

#include "common/base/status.h"
#include "common/base/strings.h"
#include "daemon/domain/display_text.h"

namespace workmux::daemon {
namespace {

constexpr std::string_view kNewPaneFormat = "#{session_id} #{window_id} #{pane_id} #{pane_tty}";
constexpr std::size_t kTokenDigits = 32;

bool IsHexToken(std::string_view token) {
  return token.size() == kTokenDigits && token.find_first_not_of("0123456789abcdef") == token.npos;
}

absl::Status CheckSpec(const WindowSpec& spec) {
  if (spec.panes.empty()) return InvalidArgument("a window needs a pane");
  if (!IsHexToken(spec.token)) return InvalidArgument("a window token is 32 hex digits");
  if (!spec.shell.empty() && !spec.shell.starts_with('/')) {
    return InvalidArgument("the shell {} is not an absolute path", spec.shell);
  }
  for (std::size_t i = 0; i < spec.panes.size(); ++i) {
    const PaneSpec& pane = spec.panes[i];
    std::error_code error;
    // tmux would silently start the shell in the home directory instead.
    if (!pane.cwd.is_absolute() || !std::filesystem::is_directory(pane.cwd, error)) {
      return WithReason(NotFound("{}: no such directory", pane.cwd.string()), "PANE_CWD_MISSING");
    }
    if (i > 0 && pane.target && (*pane.target < 0 || static_cast<std::size_t>(*pane.target) >= i)) {
      return InvalidArgument("pane {} splits pane {}, which is not an earlier one", i,
                             *pane.target);
    }
  }
  return absl::OkStatus();
}

class Builder {
 public:
  Builder(TmuxConnection& connection, const WindowSpec& spec)
      : connection_(connection), spec_(spec), cwd_option_("@workmux_cwd_" + spec.token) {}

  absl::StatusOr<BuiltWindow> Build(std::string_view near_pane) {
    absl::Status status = AddWindow(near_pane);
    for (std::size_t i = 1; status.ok() && i < spec_.panes.size(); ++i) status = AddPane(i);
    if (status.ok()) status = Finish();
    if (status.ok()) return std::move(built_);
    if (!built_.ref.window_id.empty()) {
      (void)connection_.CallOne({"kill-window", "-t", built_.ref.window_id});
    }
    (void)connection_.CallOne({"set-option", "-su", cwd_option_});
    return status;
  }

 private:
  absl::Status AddWindow(std::string_view near_pane) {
    TmuxCommand command = {"new-window", "-d"};
    if (near_pane.empty()) {
      WM_ASSIGN_OR_RETURN(const std::string session, MostRecentSession(connection_));
      command.insert(command.end(), {"-t", session + ":"});
    } else {
      WM_ASSIGN_OR_RETURN(
          const std::string window,
          connection_.CallOne({"display-message", "-p", "-t", std::string(near_pane),
                               spec_.at_end ? "#{session_id}:" : "#{session_id}:#{window_id}"}));
      if (!window.starts_with('$')) {
        return WithReason(NotFound("tmux has no pane {}", near_pane), "TMUX_NO_TARGET");
      }
      if (!spec_.at_end) command.emplace_back("-a");
      command.insert(command.end(), {"-t", window});
    }
    command.insert(command.end(), {"-n", WindowName(spec_.name)});
    return Spawn(std::move(command), spec_.panes.front());
  }

  absl::Status AddPane(std::size_t index) {
    const PaneSpec& pane = spec_.panes[index];
    const auto target = pane.target ? static_cast<std::size_t>(*pane.target) : index - 1;
    TmuxCommand command = {"split-window", "-d",
                           pane.split == SplitDirection::kHorizontal ? "-h" : "-v", "-t",
                           built_.ref.pane_ids[target]};
    if (pane.size) command.insert(command.end(), {"-l", Format("{}", *pane.size)});
    if (pane.percentage) command.insert(command.end(), {"-l", Format("{}%", *pane.percentage)});
    return Spawn(std::move(command), pane);
  }

  // The argument of -c is a format and passes strftime(3); a path is neither. It
  // travels as the value of an option, which a format lookup does not expand.
  absl::Status Spawn(TmuxCommand command, const PaneSpec& pane) {
    command.insert(command.end(),
                   {"-P", "-F", std::string(kNewPaneFormat), "-c", "#{" + cwd_option_ + "}"});
    for (const auto& [name, value] : spec_.env)
      command.insert(command.end(), {"-e", name + "=" + value});
    // Two words, so that tmux runs the program itself and no shell reads them.
    if (!spec_.shell.empty()) command.insert(command.end(), {"--", spec_.shell, "-l"});
    WM_ASSIGN_OR_RETURN(
        const std::vector<std::string> texts,
        connection_.Call({{"set-option", "-s", "--", cwd_option_, pane.cwd.string()},
                          std::move(command),
                          {"set-option", "-su", cwd_option_}}));
    const std::vector<std::string> fields = Split(texts[1], ' ');
    if (fields.size() != 4 || !IsTmuxId(fields[0], '$') || !IsTmuxId(fields[1], '@') ||
        !IsTmuxId(fields[2], '%')) {
      return Internal("tmux answered {} instead of the new pane", Printable(texts[1]));
    }
    built_.ref.session_id = fields[0];
    built_.ref.window_id = fields[1];
    built_.ref.pane_ids.push_back(fields[2]);
    built_.ttys.emplace_back(fields[3]);
    return absl::OkStatus();
  }

  // A sandboxed program's escape sequences must neither rename the window nor
  // pass through to the outer terminal. -q: older servers lack an option.
  absl::Status Finish() {
    const std::string& window = built_.ref.window_id;
    const auto set = [&](const char* name, const std::string& value) {
      return TmuxCommand{"set-option", "-w", "-q", "-t", window, name, value};
    };
    std::vector<TmuxCommand> commands = {set("automatic-rename", "off"), set("allow-rename", "off"),
                                         set("allow-passthrough", "off"),
                                         set("@workmux_token", spec_.token)};
    std::size_t focused = 0;
    for (std::size_t i = 0; i < spec_.panes.size(); ++i) {
      if (spec_.panes[i].focus || spec_.panes[i].zoom) focused = i;
    }
    const std::string& pane = built_.ref.pane_ids[focused];
    commands.push_back({"select-pane", "-t", pane});
    if (spec_.panes[focused].zoom) commands.push_back({"resize-pane", "-Z", "-t", pane});
    return connection_.Call(commands).status();
  }

  TmuxConnection& connection_;
  const WindowSpec& spec_;
  const std::string cwd_option_;
  BuiltWindow built_;
};

}  // namespace

absl::StatusOr<BuiltWindow> BuildWindow(TmuxConnection& connection, const WindowSpec& spec,
                                        std::string_view near_pane) {
  WM_RETURN_IF_ERROR(CheckSpec(spec));
  return Builder(connection, spec).Build(near_pane);
}

absl::StatusOr<std::string> MostRecentSession(TmuxConnection& connection) {
  // People's clients come first: attaching a control client counts as a use of
  // the session, so the session's own times say less.
  WM_ASSIGN_OR_RETURN(
      const std::vector<std::string> texts,
      connection.Call(
          {{"list-clients", "-F", "#{client_control_mode} #{client_activity} #{session_id}"},
           {"list-sessions", "-F", "0 #{session_activity} #{session_id}"}}));
  for (const std::string& text : texts) {
    std::string best;
    long long newest = -1;
    for (const std::string& line : SplitLines(text)) {
      const std::vector<std::string> fields = Split(line, ' ');
      long long used = 0;
      if (fields.size() != 3 || fields[0] != "0" || !ParseInt(fields[1], used)) continue;
      if (used <= newest || !IsTmuxId(fields[2], '$')) continue;
      newest = used;
      best = fields[2];
    }
    if (!best.empty()) return best;
  }
  return NotFound("the tmux server has no session");
}

bool IsTmuxId(std::string_view id, char sigil) {
  return id.size() > 1 && id.size() < 12 && id.front() == sigil &&
         id.find_first_not_of("0123456789", 1) == std::string_view::npos;
}

std::string WindowName(std::string_view name) {
  std::string text = DisplayText(name);
  return text.empty() ? "workmux" : text;
}

}  // namespace workmux::daemon
