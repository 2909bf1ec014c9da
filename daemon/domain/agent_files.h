#pragma once

// What of an agent's own directory is settings, what is its login, and what is
// neither and stays in each sandbox. Pure.

#include <span>
#include <string_view>

namespace workmux::daemon {

// A JSON file that holds a login. Only the parts named here are ever carried from
// a sandbox to the host: text, numbers and truth values, no part that an agent
// takes a program, a server's address or a switch from.
struct LoginFile {
  std::string_view name;
  // "tokens.access_token"; "*" stands for every member of one level.
  std::span<const std::string_view> parts;
  // For a file that maps names to entries: the values of an entry's "type" that
  // are carried. An entry with other members, or of another type, is left alone
  // as a whole. Empty: the file is one document.
  std::span<const std::string_view> entry_types;
};

struct AgentFiles {
  std::string_view profile;  // AgentProfile::name
  // With it in the agent's environment its user names another directory than
  // AgentProfile::host_dir.
  std::string_view dir_variable;
  // Files of the host's directory that a sandbox gets a fresh copy of at each
  // start: names, or "*.suffix".
  std::span<const std::string_view> settings;
  // Directories that are mounted read-only.
  std::span<const std::string_view> directories;
  // Files that are copied once, when the sandbox has none.
  std::span<const std::string_view> seeds;
  std::span<const LoginFile> logins;
  // For programs that are in no table: every file is settings and every directory
  // is mounted.
  bool everything = false;
  // A switch of settings.json that stays on once it is on in a sandbox: an answer
  // to a question that would be asked again at each start.
  std::string_view kept_switch = {};
};

// Never absent: programs without a row get one with `everything`.
const AgentFiles& FilesOf(std::string_view profile);

// Whether the file name is one of the settings; login files and seeds are not.
bool IsSettings(const AgentFiles& files, std::string_view name);

}  // namespace workmux::daemon
