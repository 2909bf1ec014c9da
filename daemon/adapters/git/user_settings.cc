#include "daemon/adapters/git/user_settings.h"

#include <array>
#include <optional>
#include <string_view>

#include "common/io/file.h"
#include "daemon/adapters/git/config_file.h"

namespace workmux::daemon {
namespace {

namespace fs = std::filesystem;

constexpr auto kKeys = std::to_array<const char*>({
    "core.excludesFile",
    "core.autocrlf",
    "core.eol",
    "filter.lfs.clean",
    "filter.lfs.process",
    "filter.lfs.required",
});

std::string Value(const Env& env, std::string_view name) {
  const auto found = env.find(name);
  return found == env.end() ? std::string() : found->second;
}

std::optional<ConfigFile> ReadConfig(const fs::path& path) {
  const auto content = ReadFile(path);
  if (!content.ok()) return std::nullopt;
  return ConfigFile::Parse(*content);
}

}  // namespace

std::vector<std::string> UserSettings(const Env& env, const fs::path& common_dir) {
  const std::string home = Value(env, "HOME");
  if (home.empty()) return {};
  const std::string xdg = Value(env, "XDG_CONFIG_HOME");
  const fs::path git_home = (xdg.empty() ? fs::path(home) / ".config" : fs::path(xdg)) / "git";
  std::vector<fs::path> files = {fs::path(home) / ".gitconfig", git_home / "config"};
  if (const std::string named = Value(env, "GIT_CONFIG_GLOBAL"); !named.empty()) files = {named};
  const auto own = ReadConfig(common_dir / "config");
  if (!own) return {};
  std::vector<ConfigFile> configs;
  for (const fs::path& file : files) {
    if (auto config = ReadConfig(file)) configs.push_back(*std::move(config));
  }

  std::vector<std::string> arguments;
  for (const char* key : kKeys) {
    if (own->Get(key)) continue;
    std::optional<std::string> value;
    for (const ConfigFile& config : configs) {
      if (!value) value = config.Get(key);
    }
    const bool excludes = key == std::string_view("core.excludesFile");
    if (!value && excludes) value = (git_home / "ignore").string();
    if (!value) continue;
    if (excludes && value->starts_with("~/")) value = home + value->substr(1);
    arguments.insert(arguments.end(), {"-c", std::string(key) + "=" + *value});
  }
  return arguments;
}

}  // namespace workmux::daemon
