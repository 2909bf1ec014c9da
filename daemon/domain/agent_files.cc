#include "daemon/domain/agent_files.h"

#include <algorithm>
#include <array>

namespace workmux::daemon {
namespace {

using Names = std::string_view;

// Claude Code 2.1: https://code.claude.com/docs/en/claude-directory. Scripts that
// settings.json names (status line, hooks) stand beside it by custom. Of the login
// file only the account's tokens: pluginSecrets ends up in command lines, and
// mcpOAuth belongs to servers that each sandbox has its own of. "local" is where
// the program itself may be installed.
constexpr Names kClaudeSettings[] = {"settings.json", "keybindings.json", "*.md", "*.sh", "*.py",
                                     "*.js"};
constexpr Names kClaudeDirectories[] = {"agents",        "commands", "hooks",    "local",
                                        "output-styles", "plugins",  "rules",    "scripts",
                                        "skills",        "themes",   "workflows"};
constexpr Names kClaudeLogin[] = {
    "claudeAiOauth.accessToken",  "claudeAiOauth.refreshToken",
    "claudeAiOauth.expiresAt",    "claudeAiOauth.refreshTokenExpiresAt",
    "claudeAiOauth.scopes",       "claudeAiOauth.subscriptionType",
    "claudeAiOauth.rateLimitTier"};
constexpr LoginFile kClaudeLogins[] = {{".credentials.json", kClaudeLogin, {}}};

// Codex: https://developers.openai.com/codex/config-advanced and, for auth.json,
// login/src/auth/storage.rs of openai/codex. "packages" holds the program itself.
constexpr Names kCodexSettings[] = {"config.toml", "*.config.toml", "hooks.json", "*.md"};
constexpr Names kCodexDirectories[] = {"agents",  "hooks", "packages", "plugins",
                                       "prompts", "rules", "skills",   "themes"};
constexpr Names kCodexLogin[] = {"OPENAI_API_KEY",   "auth_mode",           "last_refresh",
                                 "tokens.id_token",  "tokens.access_token", "tokens.refresh_token",
                                 "tokens.account_id"};
constexpr LoginFile kCodexLogins[] = {{"auth.json", kCodexLogin, {}}};

// Gemini CLI: docs/reference/configuration.md and packages/core/src/code_assist of
// google-gemini/gemini-cli. "type" and "token_url" of oauth_creds.json choose
// another kind of account with its own servers. gemini-credentials.json is not here:
// it is encrypted with a key made from the host's name, which sandboxes do not have.
constexpr Names kGeminiSettings[] = {"settings.json", "keybindings.json", "trustedFolders.json",
                                     ".env",          "installation_id",  "google_account_id",
                                     "*.md"};
constexpr Names kGeminiDirectories[] = {"agents", "commands", "extensions",
                                        "hooks",  "policies", "skills"};
constexpr Names kGoogleTokens[] = {"access_token", "refresh_token", "id_token",
                                   "expiry_date",  "token_type",    "scope"};
constexpr Names kGoogleAccounts[] = {"active", "old"};
constexpr LoginFile kGeminiLogins[] = {{"oauth_creds.json", kGoogleTokens, {}},
                                       {"google_accounts.json", kGoogleAccounts, {}}};

// Antigravity CLI keeps its token, in JSON, beside its settings.
constexpr Names kAgySettings[] = {"settings.json", "keybindings.json", "mcp_config.json",
                                  "hooks.json", "*.md"};
constexpr Names kAgyDirectories[] = {"agents",  "commands", "extensions", "hooks",
                                     "plugins", "rules",    "skills",     "workflows"};
constexpr Names kAgyLogin[] = {"auth_method",    "token.access_token", "token.refresh_token",
                               "token.id_token", "token.expiry",       "token.token_type"};
constexpr LoginFile kAgyLogins[] = {{"antigravity-oauth-token", kAgyLogin, {}}};

// OpenCode: https://opencode.ai/docs/providers and packages/opencode/src/auth. An
// entry of type "wellknown" makes OpenCode load configuration from its address, with
// plugins; "enterpriseUrl" chooses the server. Settings: AgentProfile::read_only_dir.
constexpr Names kOpencodeSeeds[] = {"mcp-auth.json"};
constexpr Names kOpencodeLogin[] = {"*.type",    "*.key",     "*.access",
                                    "*.refresh", "*.expires", "*.accountId"};
constexpr Names kOpencodeTypes[] = {"api", "oauth"};
constexpr LoginFile kOpencodeLogins[] = {{"auth.json", kOpencodeLogin, kOpencodeTypes}};

// Pi: packages/coding-agent/docs/{configuration,providers}.md of earendil-works/pi.
// The key of an "api_key" entry may be "!command", which Pi runs; such entries stay
// where they are. Programs that it downloads (bin) are of the system it runs on.
constexpr Names kPiSettings[] = {"settings.json", "keybindings.json", "models.json", "mcp.json",
                                 "*.md"};
constexpr Names kPiDirectories[] = {"agents", "commands", "extensions", "git",    "hooks",
                                    "npm",    "prompts",  "skills",     "themes", "tools"};
constexpr Names kPiLogin[] = {"*.type",      "*.access",    "*.refresh", "*.expires",
                              "*.accountId", "*.projectId", "*.email"};
constexpr Names kPiTypes[] = {"oauth"};
constexpr LoginFile kPiLogins[] = {{"auth.json", kPiLogin, kPiTypes}};

// Oh My Pi: docs of can1357/oh-my-pi. Its logins are rows of a database that holds
// other state too.
constexpr Names kOmpSettings[] = {"config.yml",    "models.yml",  "keybindings.yml",
                                  "settings.json", "models.json", "keybindings.json",
                                  "mcp.json",      "*.md"};
constexpr Names kOmpDirectories[] = {"agents",       "commands", "extensions", "hooks",
                                     "instructions", "plugins",  "prompts",    "rules",
                                     "skills",       "themes",   "tools"};
constexpr Names kOmpSeeds[] = {"agent.db"};

// GitHub Copilot CLI: docs.github.com, "Copilot CLI configuration directory".
// config.json mixes tokens, their servers, installed plugins and trusted
// directories: it comes in once, and never goes out.
constexpr Names kCopilotSettings[] = {"settings.json", "mcp-config.json", "lsp-config.json",
                                      "permissions-config.json", "*.md"};
constexpr Names kCopilotDirectories[] = {"agents",       "commands",          "extensions", "hooks",
                                         "instructions", "installed-plugins", "skills"};
constexpr Names kCopilotSeeds[] = {"config.json"};

constexpr AgentFiles kFiles[] = {
    {"claude",
     "CLAUDE_CONFIG_DIR",
     kClaudeSettings,
     kClaudeDirectories,
     {},
     kClaudeLogins,
     /*everything=*/false,
     "skipDangerousModePermissionPrompt"},
    {"codex", "CODEX_HOME", kCodexSettings, kCodexDirectories, {}, kCodexLogins},
    {"gemini", "", kGeminiSettings, kGeminiDirectories, {}, kGeminiLogins},
    {"agy", "", kAgySettings, kAgyDirectories, {}, kAgyLogins},
    {"opencode", "", {}, {}, kOpencodeSeeds, kOpencodeLogins},
    {"pi", "PI_CODING_AGENT_DIR", kPiSettings, kPiDirectories, {}, kPiLogins},
    {"omp", "PI_CODING_AGENT_DIR", kOmpSettings, kOmpDirectories, kOmpSeeds, {}},
    {"copilot", "COPILOT_HOME", kCopilotSettings, kCopilotDirectories, kCopilotSeeds, {}},
};
constexpr AgentFiles kUnknown = {"", "", {}, {}, {}, {}, /*everything=*/true};

bool Fits(std::string_view pattern, std::string_view name) {
  if (!pattern.starts_with('*')) return pattern == name;
  return !name.starts_with('.') && name.ends_with(pattern.substr(1));
}

}  // namespace

const AgentFiles& FilesOf(std::string_view profile) {
  const auto found =
      std::find_if(std::begin(kFiles), std::end(kFiles),
                   [&](const AgentFiles& files) { return files.profile == profile; });
  return found == std::end(kFiles) ? kUnknown : *found;
}

bool IsSettings(const AgentFiles& files, std::string_view name) {
  if (files.everything) return true;
  return std::any_of(files.settings.begin(), files.settings.end(),
                     [&](std::string_view pattern) { return Fits(pattern, name); });
}

}  // namespace workmux::daemon
