#include <nlohmann/json.hpp>

#include "common/base/status.h"
#include "daemon/domain/network_plan.h"
#include "daemon/egress/host_name.h"

namespace workmux::daemon {
namespace {

using egress::CredentialRule;
using Json = nlohmann::json;

bool Take(const Json& object, const char* key, std::string& text) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_string()) return false;
  text = *found->get_ptr<const std::string*>();
  return true;
}

bool Take(const Json& object, const char* key, std::vector<std::string>& texts) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_array()) return false;
  for (const Json& item : *found) {
    if (!item.is_string()) return false;
    texts.push_back(*item.get_ptr<const std::string*>());
  }
  return true;
}

bool RuleFrom(const Json& object, CredentialRule& rule) {
  std::vector<std::string> requests;
  const bool complete = object.is_object() && Take(object, "host", rule.host) &&
                        Take(object, "header", rule.header) && Take(object, "value", rule.value) &&
                        Take(object, "file", rule.file) && Take(object, "command", rule.command) &&
                        Take(object, "variable", rule.variable) && Take(object, "allow", requests);
  if (!complete) return false;
  for (const std::string& text : requests) {
    absl::StatusOr<egress::RequestRule> request = egress::ParseRequestRule(text);
    if (!request.ok()) return false;
    rule.allow.push_back(*std::move(request));
  }
  const absl::StatusOr<std::string> host = egress::NormalHost(rule.host);
  return host.ok() && *host == rule.host && egress::CheckCredential(rule).ok();
}

}  // namespace

std::string CredentialsToText(const std::vector<CredentialRule>& rules) {
  if (rules.empty()) return {};
  Json list = Json::array();
  for (const CredentialRule& rule : rules) {
    Json requests = Json::array();
    for (const egress::RequestRule& request : rule.allow) requests.push_back(request.text());
    list.push_back({{"host", rule.host},
                    {"header", rule.header},
                    {"value", rule.value},
                    {"file", rule.file},
                    {"command", rule.command},
                    {"variable", rule.variable},
                    {"allow", std::move(requests)}});
  }
  // A home directory need not be UTF-8.
  return list.dump(-1, ' ', false, Json::error_handler_t::replace);
}

absl::StatusOr<std::vector<CredentialRule>> CredentialsFromText(std::string_view text) {
  std::vector<CredentialRule> rules;
  if (text.empty()) return rules;
  const Json list = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!list.is_array()) return DataLoss("the credentials of a sandbox are not understood");
  for (const Json& object : list) {
    CredentialRule rule;
    if (!RuleFrom(object, rule)) return DataLoss("the credentials of a sandbox are not understood");
    rules.push_back(std::move(rule));
  }
  return rules;
}

std::vector<CredentialRule> BelowHome(std::vector<CredentialRule> rules,
                                      const std::filesystem::path& home) {
  for (CredentialRule& rule : rules) {
    if (rule.file.starts_with("~/")) rule.file = (home / rule.file.substr(2)).string();
  }
  return rules;
}

}  // namespace workmux::daemon
