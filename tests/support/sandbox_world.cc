#include "tests/support/sandbox_world.h"

#include "common/base/format.h"
#include "common/process/shell_quote.h"

namespace workmux::test {

SandboxWorld::SandboxWorld() {
  workmux_.env().erase("GIT_CONFIG_GLOBAL");
  workmux_.env().erase("GIT_EDITOR");
}

CommandResult SandboxWorld::Inside(const SandboxKind& kind, const GitWorld& repository,
                                   const std::filesystem::path& cwd, const std::string& script,
                                   const Env& extra) {
  WriteFile(workmux_.home() / ".gitconfig",
            ReadWholeFile(std::filesystem::path(repository.env().at("HOME")) / ".gitconfig"));
  workmux_.SetConfig(Format("{}  git: {}\n", SandboxConfigFor(kind.engine), kind.git));
  Env exported = extra;
  for (const auto& [name, value] : repository.env()) {
    if (name != "HOME" && name != "PATH") exported.emplace(name, value);
  }
  std::string text;
  for (const auto& [name, value] : exported)
    text += Format("export {}={}\n", name, ShellQuote(value));
  return workmux_.Run({"sandbox", "run", cwd.string(), "--", text + script},
                      {.cwd = cwd, .env = {}, .input = {}});
}

}  // namespace workmux::test
