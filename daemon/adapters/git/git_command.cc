#include "daemon/adapters/git/git_command.h"

#include <array>
#include <string_view>

namespace workmux::daemon {
namespace {

// By absolute path: the hardened environment takes no PATH of a caller's.
constexpr char kGit[] = "/usr/bin/git";

// Keys that name a program or make git leave the repository it was given,
// git-config(1).
constexpr auto kOverrides = std::to_array<std::string_view>({
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.untrackedCache=false",
    "core.pager=cat",
    "core.editor=false",
    "sequence.editor=false",
    "core.askPass=",
    "core.sshCommand=false",
    "core.gitProxy=none",
    "core.alternateRefsCommand=true",
    "credential.helper=",
    "diff.external=",
    "interactive.diffFilter=",
    "commit.gpgSign=false",
    "tag.gpgSign=false",
    "gpg.program=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "submodule.recurse=false",
    "safe.bareRepository=explicit",
    "protocol.allow=never",
    "protocol.ext.allow=never",
    "uploadpack.packObjectsHook=",
});

}  // namespace

Command HardenedGit(const std::filesystem::path& git_dir, const std::filesystem::path& work_tree,
                    std::vector<std::string> arguments) {
  Command command;
  command.argv = {kGit};
  for (const std::string_view setting : kOverrides) {
    command.argv.emplace_back("-c");
    command.argv.emplace_back(setting);
  }
  for (std::string& argument : arguments) command.argv.push_back(std::move(argument));
  command.env = {
      {"PATH", "/usr/local/bin:/usr/bin:/bin"},
      {"HOME", "/nonexistent"},
      {"LC_ALL", "C.UTF-8"},
      {"GIT_DIR", git_dir.string()},
      {"GIT_CONFIG_NOSYSTEM", "1"},
      {"GIT_CONFIG_GLOBAL", "/dev/null"},
      {"GIT_ATTR_NOSYSTEM", "1"},
      {"GIT_TERMINAL_PROMPT", "0"},
      {"GIT_NO_REPLACE_OBJECTS", "1"},
      {"GIT_OPTIONAL_LOCKS", "0"},
      {"GIT_EDITOR", "false"},
      {"GIT_PAGER", "cat"},
  };
  if (!work_tree.empty()) {
    command.env["GIT_WORK_TREE"] = work_tree.string();
    command.cwd = work_tree;
  } else {
    command.cwd = "/";
  }
  return command;
}

Command UserGit(const std::filesystem::path& cwd, const Env& caller,
                std::vector<std::string> arguments) {
  Command command;
  command.argv = {"git"};
  for (std::string& argument : arguments) command.argv.push_back(std::move(argument));
  command.cwd = cwd;
  for (const auto& [name, value] : caller) {
    // Identity, signing and tracing follow the user; what redirects git does not.
    const bool keep = !name.starts_with("GIT_") || name.starts_with("GIT_AUTHOR_") ||
                      name.starts_with("GIT_COMMITTER_") || name.starts_with("GIT_SSH") ||
                      name == "GIT_CONFIG_GLOBAL" || name == "GIT_CONFIG_NOSYSTEM" ||
                      name == "GIT_CONFIG_SYSTEM";
    if (keep) command.env.emplace(name, value);
  }
  command.env["GIT_TERMINAL_PROMPT"] = "0";
  command.env["GIT_EDITOR"] = "true";
  command.env["GIT_SEQUENCE_EDITOR"] = "true";
  command.env["GIT_MERGE_AUTOEDIT"] = "no";
  return command;
}

}  // namespace workmux::daemon
