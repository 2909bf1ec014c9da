#include "daemon/agent_config/login_document.h"

#include "tests/support/catch.h"
#include "tests/support/status_matchers.h"

namespace workmux::daemon {
namespace {

using test::Must;

const LoginFile& FileOf(const char* profile) { return FilesOf(profile).logins.front(); }

// What a guest's document puts into a host's.
std::string Carried(const char* profile, const std::string& guest, const std::string& host = "{}") {
  const LoginFile& file = FileOf(profile);
  return Must(PutLogin(file, host, Must(ReadLogin(file, guest)), /*exact=*/false));
}

}  // namespace

TEST_CASE("LoginDocument: the account's tokens are carried, and the host keeps the rest") {
  CHECK(Carried("claude",
                R"({"claudeAiOauth":{"accessToken":"a2","expiresAt":7,"scopes":["x:y"]},)"
                R"("pluginSecrets":{"p":{"K":"evil"}},"mcpOAuth":{"s":{"serverUrl":"https://e"}}})",
                R"({"claudeAiOauth":{"accessToken":"a1","more":1},"mcpOAuth":{"s":1}})") ==
        R"({"claudeAiOauth":{"accessToken":"a2","more":1,"expiresAt":7,"scopes":["x:y"]},)"
        R"("mcpOAuth":{"s":1}})");
  CHECK(Carried("codex",
                R"({"OPENAI_API_KEY":null,"tokens":{"access_token":"a","x":"y"},"cmd":"z"})") ==
        R"({"OPENAI_API_KEY":null,"tokens":{"access_token":"a"}})");
  CHECK(Carried("gemini",
                R"({"access_token":"a","type":"external_account","token_url":"https://e"})") ==
        R"({"access_token":"a"})");
  CHECK(Carried("agy", R"({"token":{"access_token":"a","expiry":"2030-01-01T00:00:00Z"}})") ==
        R"({"token":{"access_token":"a","expiry":"2030-01-01T00:00:00Z"}})");
}

TEST_CASE("LoginDocument: entries that make an agent run or load something are left alone") {
  CHECK(Carried("opencode",
                R"({"anthropic":{"type":"api","key":"sk-1"},)"
                R"("https://e.example":{"type":"wellknown","key":"LD_PRELOAD","token":"x"},)"
                R"("github":{"type":"oauth","access":"a","enterpriseUrl":"e.example"},)"
                R"("__proto__":{"type":"api","key":"k"}})") ==
        R"({"anthropic":{"type":"api","key":"sk-1"}})");
  CHECK(Carried("pi", R"({"openai":{"type":"api_key","key":"!touch /tmp/p"},)"
                      R"("anthropic":{"type":"oauth","access":"a","refresh":"r","expires":1}})") ==
        R"({"anthropic":{"type":"oauth","access":"a","refresh":"r","expires":1}})");
  // The host's own of that kind stay.
  CHECK(
      Carried("pi", R"({"anthropic":{"type":"oauth","access":"b"}})",
              R"({"openai":{"type":"api_key","key":"!op read x"}})") ==
      R"({"openai":{"type":"api_key","key":"!op read x"},"anthropic":{"type":"oauth","access":"b"}})");
}

TEST_CASE("LoginDocument: nothing is taken of what is no login file") {
  const LoginFile& file = FileOf("codex");
  for (const std::string& text :
       {std::string(), std::string("["), std::string("[]"), std::string("null"),
        std::string("\"x\""), std::string("{\"a\":"), std::string("{} {}"),
        std::string("{\"a\":\"\xff\"}"), std::string(R"({"OPENAI_API_KEY":{"x":1}})"),
        std::string(R"j({"OPENAI_API_KEY":"$(id)"})j"), std::string(R"({"OPENAI_API_KEY":"`id`"})"),
        std::string(R"({"OPENAI_API_KEY":"a\nb"})"), std::string(R"({"OPENAI_API_KEY":[["a"]]})"),
        std::string(R"({"OPENAI_API_KEY":"!x"})"),
        R"({"x":)" + std::string(100'000, '[') + std::string(100'000, ']') + "}",
        std::string(R"({"OPENAI_API_KEY":")") + std::string(70'000, 'a') + R"("})"}) {
    INFO(text.substr(0, 60));
    CHECK(ReasonOf(ReadLogin(file, text).status()) == "LOGIN_INVALID");
  }
  std::string many = "{";
  for (int i = 0; i < 100; ++i)
    many += Format(R"({}"p{}":{{"type":"api","key":"k"}})", i == 0 ? "" : ",", i);
  CHECK(ReasonOf(ReadLogin(FileOf("opencode"), many + "}").status()) == "LOGIN_INVALID");
}

TEST_CASE("LoginDocument: what a sandbox deleted stays, unless it is asked for exactly") {
  const LoginFile& file = FileOf("codex");
  const std::string host = R"({"OPENAI_API_KEY":"k","tokens":{"access_token":"a"},"other":1})";
  CHECK(Must(PutLogin(file, host, {}, false)) == host);
  CHECK(Must(PutLogin(file, host, {}, true)) == R"({"other":1})");
}

TEST_CASE("LoginDocument: the host's document, and what only the copy has") {
  const LoginFile& file = FileOf("claude");
  const std::string host = R"({"claudeAiOauth":{"accessToken":"h"}})";
  CHECK(
      RefreshDocument(file, host, R"({"claudeAiOauth":{"accessToken":"g"},"mcpOAuth":{"s":1}})") ==
      R"({"claudeAiOauth":{"accessToken":"h"},"mcpOAuth":{"s":1}})");
  CHECK(RefreshDocument(file, host, "broken") == host);
  CHECK(RefreshDocument(file, "as it is", "{}") == "as it is");
  // A host that is logged out logs the copy out.
  CHECK(RefreshDocument(file, "{}", R"({"claudeAiOauth":{"accessToken":"g"}})") == "{}");
}

TEST_CASE("LoginDocument: a document keeps its form") {
  const LoginFile& file = FileOf("codex");
  const std::string pretty = "{\n  \"OPENAI_API_KEY\": \"a\"\n}";
  CHECK(Must(PutLogin(file, pretty, {{"OPENAI_API_KEY", "\"b\""}}, false)) ==
        "{\n  \"OPENAI_API_KEY\": \"b\"\n}");
}

}  // namespace workmux::daemon
