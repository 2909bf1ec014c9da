#include "daemon/egress/credential_rule.h"

#include "tests/support/catch.h"
#include "tests/support/status_matchers.h"

namespace workmux::egress {
namespace {

CredentialRule Rule() {
  CredentialRule rule;
  rule.host = "api.example.com";
  rule.header = "authorization";
  rule.value = "Bearer {secret}";
  rule.file = "/secrets/key";
  return rule;
}

CredentialRule Allowing(const std::vector<std::string>& texts) {
  CredentialRule rule = Rule();
  for (const std::string& text : texts) rule.allow.push_back(test::Must(ParseRequestRule(text)));
  return rule;
}

}  // namespace

TEST_CASE("AllowsRequest: without rules every request is, with rules those alone") {
  CHECK(AllowsRequest(Rule(), "DELETE", "/anything/../else"));
  const CredentialRule rule = Allowing(
      {"POST /v1/messages", "GET /repos/**", "* /users/*/keys", "PUT /a*c/d", "DELETE /teams/*"});
  for (const auto& [method, target] :
       std::vector<std::pair<std::string, std::string>>{{"POST", "/v1/messages"},
                                                        {"POST", "/v1/messages?beta=true"},
                                                        {"GET", "/repos/"},
                                                        {"GET", "/repos/a/b/c"},
                                                        {"GET", "/repos/..a/b"},
                                                        {"DELETE", "/users/me/keys"},
                                                        {"DELETE", "/teams/1"},
                                                        {"GET", "/users/%61/keys"},
                                                        {"PUT", "/abc/d"},
                                                        {"PUT", "/ac/d"}}) {
    INFO(method << ' ' << target);
    CHECK(AllowsRequest(rule, method, target));
  }
  for (const auto& [method, target] :
       std::vector<std::pair<std::string, std::string>>{{"GET", "/v1/messages"},
                                                        {"post", "/v1/messages"},
                                                        {"POST", "/v1/messages/"},
                                                        {"POST", "/v1/messages/batches"},
                                                        {"POST", "/V1/messages"},
                                                        {"POST", "/v1/%6dessages"},
                                                        {"GET", "/repos"},
                                                        {"GET", "/repository/a"},
                                                        {"GET", "/"},
                                                        {"GET", "/users/keys"},
                                                        {"DELETE", "/teams/"},
                                                        {"DELETE", "/teams"},
                                                        {"GET", "/users/a/b/keys"},
                                                        {"PUT", "/abcd/d"},
                                                        {"GET", "*"}}) {
    INFO(method << ' ' << target);
    CHECK_FALSE(AllowsRequest(rule, method, target));
  }
}

TEST_CASE("AllowsRequest: a path that servers read in several ways is allowed by no rule") {
  const CredentialRule rule = Allowing({"* /repos/**"});
  CHECK(AllowsRequest(rule, "GET", "/repos/a?path=/../b"));
  for (const std::string target :
       {"/repos/../users", "/repos/..", "/repos/./a", "/repos/%2e%2e/users", "/repos/.%2E/users",
        "/repos/a%2fb", "/repos/%252e%252e/users", "/repos/..%3b/users", "/repos/a%00",
        "/repos/a%0d%0ab", "/repos/a%5Cb", "/repos/a\\..\\b", "/repos//users", "/repos/..;/users",
        "/repos/.;x=1/users", "/repos/;/users", "/repos/;x=1/users"}) {
    INFO(target);
    CHECK_FALSE(AllowsRequest(rule, "GET", target));
  }
}

TEST_CASE("ParseRequestRule: says what is wrong with a rule that nothing could match") {
  for (const std::string text : {"", "GET", "GET ", "GET repos", "get /a", "GET  /a", "GET /a b",
                                 "GET /a?b", "GET /a#b", "GET /**/a", "GET /a**", "GET /a*b*",
                                 "GET /a/../b", "GET /a//b", "GET /a%2Fb", "G\x01T /a", " /a"}) {
    INFO(text);
    CHECK(absl::IsInvalidArgument(ParseRequestRule(text).status()));
  }
  CHECK(test::Must(ParseRequestRule("GET /**")).text() == "GET /**");
  CHECK(AllowsRequest(Allowing({"GET /**"}), "GET", "/"));
}

TEST_CASE("CheckCredential: a header for credentials, a value with the secret, one source") {
  CHECK_OK(CheckCredential(Rule()));
  const auto refused = [](void (*change)(CredentialRule&)) {
    CredentialRule rule = Rule();
    change(rule);
    return absl::IsInvalidArgument(CheckCredential(rule));
  };
  CHECK(refused([](CredentialRule& rule) { rule.header = ""; }));
  CHECK(refused([](CredentialRule& rule) { rule.header = "X Key"; }));
  CHECK(refused([](CredentialRule& rule) { rule.header = "x-key:"; }));
  for (const char* framing : {"host", "content-length", "transfer-encoding", "connection"}) {
    CredentialRule rule = Rule();
    rule.header = framing;
    INFO(framing);
    CHECK(absl::IsInvalidArgument(CheckCredential(rule)));
  }
  CHECK(refused([](CredentialRule& rule) { rule.value = "Bearer"; }));
  CHECK(refused([](CredentialRule& rule) { rule.value = "{secret}\r\nHost: other"; }));
  CHECK(refused([](CredentialRule& rule) { rule.value = " {secret}"; }));
  CHECK(refused([](CredentialRule& rule) { rule.file.clear(); }));
  CHECK(refused([](CredentialRule& rule) { rule.command = {"gh", "auth", "token"}; }));
  CHECK(refused([](CredentialRule& rule) { rule.file = "key"; }));
  CHECK(refused([](CredentialRule& rule) { rule.file.clear(), rule.command = {""}; }));
  CHECK(refused([](CredentialRule& rule) { rule.variable = "A-B"; }));
  CHECK(refused([](CredentialRule& rule) { rule.variable = "1A"; }));
  CredentialRule printed = Rule();
  printed.file.clear();
  printed.command = {"gh", "auth", "token"};
  printed.variable = "GH_TOKEN";
  CHECK_OK(CheckCredential(printed));
}

TEST_CASE("FindCredential: by the exact host") {
  const std::vector<CredentialRule> rules = {Rule()};
  CHECK(FindCredential(rules, "api.example.com") == &rules[0]);
  CHECK(FindCredential(rules, "example.com") == nullptr);
  CHECK(FindCredential(rules, "a.api.example.com") == nullptr);
}

}  // namespace workmux::egress
