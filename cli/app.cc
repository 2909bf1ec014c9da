#include "cli/app.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <functional>
#include <map>

#include "cli/app_net.h"
#include "cli/app_sandbox.h"
#include "cli/commands/add.h"
#include "cli/commands/close.h"
#include "cli/commands/completions.h"
#include "cli/commands/config.h"
#include "cli/commands/daemon.h"
#include "cli/commands/demo.h"
#include "cli/commands/doctor.h"
#include "cli/commands/list.h"
#include "cli/commands/merge.h"
#include "cli/commands/open.h"
#include "cli/commands/path.h"
#include "cli/commands/remove.h"
#include "cli/commands/set_window_status.h"
#include "cli/commands/status.h"
#include "cli/commands/trust.h"
#include "cli/exit_code.h"
#include "cli/help_text.h"
#include "cli/suggestion.h"
#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/base/version.h"

namespace workmux::cli {
namespace {

using Run = std::function<absl::StatusOr<int>(const CommandEnv&)>;

// The tree of commands. Everything that the user typed ends up in one option
// struct; what follows the first `--` is kept apart, for CLI11 would look into it.
class App {
 public:
  explicit App(std::vector<std::string> tail);

  int Main(std::vector<std::string> arguments, const CommandEnv& env);

 private:
  struct Entry {
    CLI::App* app = nullptr;
    Run run;
    CommandKind kind = CommandKind::kOrdinary;
    bool takes_worktree = false;
    bool works_anywhere = false;  // without a home or a current directory
    std::vector<std::string> words;
  };

  Entry& Add(CLI::App& parent, const std::string& name, const std::string& help, Run run);
  Entry& AddNested(CLI::App& parent, const std::string& name, const std::string& summary, Run run);
  void DefineLifecycle();
  void DefineListing();
  void DefineGroups();
  void DefineDaemon();
  void DefineOthers();
  static void DefinePrompt(CLI::App& app, PromptOptions& prompt);

  absl::Status CheckCommandWord(const std::vector<std::string>& arguments) const;
  std::vector<CompletionEntry> Completions() const;
  const Entry* Chosen() const;
  std::string NameOf(const Entry& entry) const;

  CLI::App root_{"", "workmux"};
  SandboxApp sandbox_;
  NetApp net_;
  std::map<std::string, Entry> entries_;  // by full name

  AddOptions add_;
  OpenOptions open_;
  CloseOptions close_;
  MergeOptions merge_;
  RemoveOptions remove_;
  ListOptions list_;
  PathOptions path_;
  StatusOptions status_;
  SetWindowStatusOptions set_status_;
  TrustOptions trust_;
  DemoOptions demo_;
  DoctorOptions doctor_;
  CompletionsOptions completions_;
  DaemonStatusOptions daemon_status_;
  DaemonStopOptions daemon_stop_;
  DaemonLogsOptions daemon_logs_;
};

App::App(std::vector<std::string> tail) : sandbox_(std::move(tail)) {
  const std::string_view help = HelpText("root");
  root_.description(HelpSummary(help));
  root_.footer(HelpDetails(help));
  root_.set_version_flag("-V,--version", std::string("workmux ") + kVersion);
  root_.require_subcommand(1);
  DefineLifecycle();
  DefineListing();
  DefineGroups();
  DefineDaemon();
  DefineOthers();
}

App::Entry& App::Add(CLI::App& parent, const std::string& name, const std::string& help, Run run) {
  const std::string_view text = HelpText(help);
  Entry& entry = AddNested(parent, name, HelpSummary(text), std::move(run));
  entry.app->footer(HelpDetails(text));
  return entry;
}

App::Entry& App::AddNested(CLI::App& parent, const std::string& name, const std::string& summary,
                           Run run) {
  const std::string full = &parent == &root_ ? name : parent.get_name() + " " + name;
  Entry& entry = entries_[full];
  entry.app = parent.add_subcommand(name, summary);
  entry.run = std::move(run);
  return entry;
}

void App::DefinePrompt(CLI::App& app, PromptOptions& prompt) {
  auto* text = app.add_option("-p,--prompt", prompt.text, "The agent's first prompt");
  auto* file = app.add_option_function<std::string>(
      "-P,--prompt-file", [&prompt](const std::string& path) { prompt.file = path; },
      "Take the prompt from a file");
  auto* editor =
      app.add_flag("-e,--prompt-editor", prompt.editor, "Write the prompt in $VISUAL or $EDITOR");
  file->excludes(text);
  editor->excludes(text)->excludes(file);
}

void App::DefineLifecycle() {
  CLI::App& add = *Add(root_, "add", "add", [this](auto& env) { return RunAdd(add_, env); }).app;
  add.add_option("branch", add_.branch, "Branch of the worktree; made when it does not exist")
      ->required();
  add.add_option("--base", add_.base, "Where a new branch starts");
  add.add_option("--name", add_.name, "Name of worktree and window, instead of the branch's");
  DefinePrompt(add, add_.prompt);
  add.add_option("-a,--agent", add_.agent, "Agent to start");
  add.add_flag("-b,--background", add_.background, "Stay in this window");
  add.add_flag("-S,--sandbox", add_.sandbox, "Run the panes in a sandbox");
  add.add_option("--backend", add_.backend, "Sandbox backend for this worktree; implies --sandbox");
  add.add_flag("-H,--no-hooks", add_.no_hooks, "Skip the post_create hooks");
  add.add_flag("-F,--no-file-ops", add_.no_file_ops, "Copy and link no files");
  add.add_flag("-C,--no-pane-cmds", add_.no_pane_commands, "Open the panes as plain shells");

  Entry& open_entry = Add(root_, "open", "open", [this](auto& env) { return RunOpen(open_, env); });
  open_entry.takes_worktree = true;
  CLI::App& open = *open_entry.app;
  open.add_option("names", open_.names, "Worktrees, by name or branch");
  open.add_flag("-n,--new", open_.new_window, "Another window of a worktree that is open");
  open.add_flag("--run-hooks", open_.run_hooks, "Run the post_create hooks again");
  open.add_flag("--force-files", open_.force_files, "Copy and link the files again");
  open.add_flag("-c,--continue", open_.continue_conversation,
                "Let the agent go on where it stopped");
  open.add_flag("-b,--background", open_.background, "Stay in this window");
  DefinePrompt(open, open_.prompt);

  Entry& close = Add(root_, "close", "close", [this](auto& env) { return RunClose(close_, env); });
  close.takes_worktree = true;
  close.app->add_option("name", close_.name, "Worktree; none: this one");

  Entry& merge_entry =
      Add(root_, "merge", "merge", [this](auto& env) { return RunMerge(merge_, env); });
  merge_entry.takes_worktree = true;
  CLI::App& merge = *merge_entry.app;
  merge.add_option("name", merge_.name, "Worktree; none: this one");
  merge.add_option("--into", merge_.into, "Branch to merge into");
  auto* rebase = merge.add_flag("--rebase", merge_.rebase, "Rebase first, then fast-forward");
  merge.add_flag("--squash", merge_.squash, "Make one commit of it")->excludes(rebase);
  auto* keep = merge.add_flag("-k,--keep", merge_.keep, "Keep worktree, window and branch");
  merge.add_flag("--cleanup", merge_.cleanup, "Remove them even when merge_keep is set")
      ->excludes(keep);
  merge.add_flag("--ignore-uncommitted", merge_.ignore_uncommitted,
                 "Leave uncommitted changes behind");
  merge.add_flag("-n,--no-verify", merge_.no_verify, "Skip the pre_merge hooks");
  merge.add_flag("--no-hooks", merge_.no_hooks, "Skip all hooks");
  merge.add_option("-m,--message", merge_.message, "Message of the squash commit");

  Entry& remove_entry =
      Add(root_, "remove", "remove", [this](auto& env) { return RunRemove(remove_, env); });
  remove_entry.takes_worktree = true;
  CLI::App& remove = *remove_entry.app->alias("rm");
  remove.add_option("names", remove_.names, "Worktrees; none: this one");
  remove.add_flag("-f,--force", remove_.force, "Check nothing and do not ask");
  remove.add_flag("-k,--keep-branch", remove_.keep_branch, "Keep the branch");
  remove.add_flag("--no-hooks", remove_.no_hooks, "Skip the pre_remove hooks");
}

void App::DefineListing() {
  CLI::App& list = *Add(root_, "list", "list", [this](auto& env) {
                      return RunList(list_, env);
                    }).app->alias("ls");
  list.add_option("filters", list_.filters, "Show those whose name or branch matches");
  list.add_flag("--json", list_.json, "Print JSON");
  list.add_flag("--git", list_.git, "Ask git about changes, in JSON too");

  Entry& path = Add(root_, "path", "path", [this](auto& env) { return RunPath(path_, env); });
  path.takes_worktree = true;
  path.app->add_option("name", path_.name, "Worktree, by name or branch; none: this one");

  Entry& status =
      Add(root_, "status", "status", [this](auto& env) { return RunStatus(status_, env); });
  status.takes_worktree = true;
  status.app->add_option("worktrees", status_.targets, "Show these only");
  status.app->add_flag("--json", status_.json, "Print JSON");
  status.app->add_flag("--git", status_.git, "Ask git about changes");

  Entry& set_status = Add(root_, "set-window-status", "set-window-status",
                          [this](auto& env) { return RunSetWindowStatus(set_status_, env); });
  set_status.words = {"working", "waiting", "done", "clear"};
  set_status.app->add_option("status", set_status_.status, "working, waiting, done or clear")
      ->required();
}

void App::DefineGroups() {
  const auto define = [this](const std::string& group, auto& commands) {
    CLI::App& app = *root_.add_subcommand(group, HelpSummary(HelpText(group)));
    app.footer(HelpDetails(HelpText(group)));
    app.require_subcommand(1);
    commands.Define([&](const std::string& name, const std::string& summary, CommandKind kind,
                        Run run) -> CLI::App& {
      Entry& entry = AddNested(app, name, summary, std::move(run));
      entry.kind = kind;
      return *entry.app;
    });
  };
  define("sandbox", sandbox_);
  define("net", net_);
}

void App::DefineDaemon() {
  CLI::App& daemon = *root_.add_subcommand("daemon", HelpSummary(HelpText("daemon")));
  daemon.footer(HelpDetails(HelpText("daemon")));
  daemon.require_subcommand(1);
  AddNested(daemon, "status", "Show whether workmuxd runs", [this](auto& env) {
    return RunDaemonStatus(daemon_status_, env);
  }).app->add_flag("--json", daemon_status_.json, "Print JSON");
  AddNested(daemon, "start", "Start workmuxd", [](auto& env) { return RunDaemonStart(env); });
  AddNested(daemon, "stop", "Stop workmuxd; sandboxes go on", [this](auto& env) {
    return RunDaemonStop(daemon_stop_, env);
  }).app->add_flag("--sandboxes", daemon_stop_.sandboxes, "End the sandboxes too");
  AddNested(daemon, "restart", "Stop and start workmuxd; sandboxes go on",
            [](auto& env) { return RunDaemonRestart(env); });
  CLI::App& logs = *AddNested(daemon, "logs", "Show workmuxd's log", [this](auto& env) {
                      return RunDaemonLogs(daemon_logs_, env);
                    }).app;
  logs.add_flag("-f,--follow", daemon_logs_.follow, "Go on as it grows");
  logs.add_option("-n,--lines", daemon_logs_.lines, "How many lines")->capture_default_str();
}

void App::DefineOthers() {
  Add(root_, "trust", "trust", [this](auto& env) {
    return RunTrust(trust_, env);
  }).app->add_flag("-y,--yes", trust_.yes, "Do not ask");
  Add(root_, "doctor", "doctor", [this](auto& env) { return RunDoctor(doctor_, env); });
  CLI::App& demo =
      *Add(root_, "demo", "demo", [this](auto& env) { return RunDemo(demo_, env); }).app;
  demo.add_option("--backend", demo_.backend, "namespace or container")->capture_default_str();
  demo.add_option("--image", demo_.image, "Image for the container backend");
  CLI::App& config = *root_.add_subcommand("config", HelpSummary(HelpText("config")));
  config.footer(HelpDetails(HelpText("config")));
  config.require_subcommand(1);
  AddNested(config, "reference", "Print every key with its meaning and default",
            [](auto& env) { return RunConfigReference(env); });
  AddNested(config, "path", "Print where the user's configuration lies",
            [](auto& env) { return RunConfigPath(env); });
  Entry& completions = Add(root_, "completions", "completions", [this](auto& env) {
    return RunCompletions(completions_, Completions(), env);
  });
  completions.words = {"bash", "zsh", "fish"};
  completions.works_anywhere = true;
  completions.app->add_option("shell", completions_.shell, "bash, zsh or fish")->required();
  AddNested(root_, "_complete", "", [](auto& env) { return RunComplete(env); }).app->group("");
}

std::vector<CompletionEntry> App::Completions() const {
  std::vector<CompletionEntry> result;
  const auto describe = [&](const CLI::App& app, const std::string& name) -> CompletionEntry& {
    CompletionEntry& entry = result.emplace_back();
    entry.name = name;
    entry.summary = app.get_description();
    for (const CLI::Option* option : app.get_options()) {
      for (const auto& flag : option->get_lnames()) entry.flags.push_back("--" + flag);
      for (const auto& flag : option->get_snames()) entry.flags.push_back("-" + flag);
    }
    return entry;
  };
  for (const CLI::App* app : root_.get_subcommands(nullptr)) {
    if (app->get_group().empty() || entries_.contains(app->get_name())) continue;
    CompletionEntry& entry = describe(*app, app->get_name());
    for (const CLI::App* nested : app->get_subcommands(nullptr))
      entry.words.push_back(nested->get_name());
  }
  for (const auto& [name, entry] : entries_) {
    if (entry.app->get_group().empty()) continue;
    CompletionEntry& described = describe(*entry.app, name);
    described.words = entry.words;
    described.takes_worktree = entry.takes_worktree;
  }
  return result;
}

absl::Status App::CheckCommandWord(const std::vector<std::string>& arguments) const {
  const CLI::App* app = &root_;
  for (const std::string& word : arguments) {
    if (word.empty() || word.front() == '-') return absl::OkStatus();
    std::vector<std::string> names;
    const CLI::App* next = nullptr;
    for (const CLI::App* candidate : app->get_subcommands(nullptr)) {
      if (candidate->check_name(word)) next = candidate;
      if (!candidate->get_group().empty()) names.push_back(candidate->get_name());
    }
    if (names.empty()) return absl::OkStatus();
    if (next == nullptr) {
      const std::string nearest = NearestMatch(word, names);
      return WithHint(
          InvalidArgument("{}: no such command", word),
          nearest.empty() ? "see `workmux --help`" : Format("did you mean `{}`?", nearest));
    }
    app = next;
  }
  return absl::OkStatus();
}

const App::Entry* App::Chosen() const {
  for (const auto& [name, entry] : entries_) {
    if (entry.app->parsed() && entry.app->get_subcommands().empty()) return &entry;
  }
  return nullptr;
}

std::string App::NameOf(const Entry& entry) const {
  const auto found = std::find_if(entries_.begin(), entries_.end(),
                                  [&](const auto& named) { return &named.second == &entry; });
  return found->first;
}

int App::Main(std::vector<std::string> arguments, const CommandEnv& env) {
  const auto fail = [&](const absl::Status& status, CommandKind kind) {
    env.terminal.PrintError(status);
    return ExitCodeFor(status, kind);
  };
  if (const absl::Status known = CheckCommandWord(arguments); !known.ok()) {
    return fail(known, CommandKind::kOrdinary);
  }
  try {
    // CLI11 takes them from the back.
    std::reverse(arguments.begin(), arguments.end());
    root_.parse(std::move(arguments));
  } catch (const CLI::CallForHelp&) {
    env.terminal.Out(root_.help());
    return kExitOk;
  } catch (const CLI::CallForVersion& version) {
    env.terminal.Out(std::string(version.what()) + "\n");
    return kExitOk;
  } catch (const CLI::ParseError& error) {
    const Entry* meant = Chosen();
    const std::string name = meant == nullptr ? "" : NameOf(*meant) + " ";
    return fail(
        WithHint(InvalidArgument("{}", error.what()), Format("see `workmux {}--help`", name)),
        CommandKind::kOrdinary);
  }
  const Entry* entry = Chosen();
  if (entry == nullptr) return fail(InvalidArgument("there is no command"), CommandKind::kOrdinary);
  if (!env.usable.ok() && !entry->works_anywhere) return fail(env.usable, entry->kind);
  const auto code = entry->run(env);
  return code.ok() ? *code : fail(code.status(), entry->kind);
}

}  // namespace

int RunApp(const std::vector<std::string>& given, const CommandEnv& env) {
  std::vector<std::string> arguments = given;
  if (!arguments.empty() && arguments.front() == "help") {
    arguments.erase(arguments.begin());
    arguments.emplace_back("--help");
  }
  // Only what runs a program has a tail that is not ours to read.
  const bool runs = !arguments.empty() && arguments.front() == "sandbox";
  const auto mark = runs ? std::find(arguments.begin(), arguments.end(), "--") : arguments.end();
  std::vector<std::string> tail;
  if (mark != arguments.end()) tail.assign(mark + 1, arguments.end());
  App app(std::move(tail));
  return app.Main({arguments.begin(), mark}, env);
}

}  // namespace workmux::cli
