#include "daemon/agent_config/login_document.h"

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "common/base/status.h"
#include "common/base/strings.h"

namespace workmux::daemon {
namespace {

using Json = nlohmann::ordered_json;

// Login files are flat; writing a deep document would recurse as deep.
constexpr int kMaxDepth = 16;
constexpr std::size_t kMaxText = 65536;
constexpr std::size_t kMaxList = 64;

absl::Status Invalid(std::string_view why) {
  return WithReason(InvalidArgument("not a login file: {}", why), "LOGIN_INVALID");
}

absl::StatusOr<Json> Parse(std::string_view text) {
  bool too_deep = false;
  const auto check_depth = [&too_deep](int depth, Json::parse_event_t, Json&) {
    too_deep = too_deep || depth > kMaxDepth;
    return !too_deep;
  };
  Json document = Json::parse(text, check_depth, /*allow_exceptions=*/false);
  if (too_deep) return Invalid("nested too deep");
  if (!document.is_object()) return Invalid("no JSON object");
  return document;
}

std::string Write(const Json& document, std::string_view like) {
  const bool on_one_line = !like.empty() && Trim(like).find('\n') == std::string_view::npos;
  return document.dump(on_one_line ? -1 : 2, ' ', false, Json::error_handler_t::replace);
}

// Tokens, names and dates. Not what a shell or a program with variables of its own
// would read as anything else.
bool IsPlainText(const std::string& text) {
  return text.size() <= kMaxText && std::all_of(text.begin(), text.end(), [](char c) {
           return c >= ' ' && c <= '~' &&
                  std::string_view("`$!\\\"';|&<>(){}").find(c) == std::string_view::npos;
         });
}

bool IsPlainValue(const Json& value) {
  if (value.is_string()) return IsPlainText(value.get_ref<const std::string&>());
  if (value.is_array()) {
    return value.size() <= kMaxList && std::all_of(value.begin(), value.end(), [](const Json& one) {
             return one.is_string() && IsPlainText(one.get_ref<const std::string&>());
           });
  }
  return value.is_primitive();
}

bool IsEntryName(const std::string& name) {
  return !name.empty() && name.size() <= 64 &&
         std::isalnum(static_cast<unsigned char>(name[0])) != 0 &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
                  std::string_view("._-").find(c) != std::string_view::npos;
         });
}

bool IsListed(const LoginFile& file, std::string_view member) {
  return std::any_of(file.parts.begin(), file.parts.end(), [&](std::string_view part) {
    return part.starts_with("*.") && part.substr(2) == member;
  });
}

// An entry of a kind that is carried as a whole.
bool IsCarried(const LoginFile& file, const std::string& name, const Json& entry) {
  if (!IsEntryName(name) || !entry.is_object()) return false;
  const auto type = entry.find("type");
  if (type == entry.end() || !type->is_string()) return false;
  const auto& types = file.entry_types;
  if (std::find(types.begin(), types.end(), type->get_ref<const std::string&>()) == types.end())
    return false;
  return std::all_of(entry.items().begin(), entry.items().end(),
                     [&](const auto& item) { return IsListed(file, item.key()); });
}

std::string Path(std::string_view part) {
  std::string path(part);
  std::replace(path.begin(), path.end(), '.', '/');
  return path;
}

// The value of "a/b" or "a"; null when the document has none.
const Json* Find(const Json& document, const std::string& path) {
  const Json* at = &document;
  for (const std::string& name : Split(path, '/')) {
    if (!at->is_object()) return nullptr;
    const auto found = at->find(name);
    if (found == at->end()) return nullptr;
    at = &*found;
  }
  return at;
}

void Put(Json& document, const std::string& path, Json value) {
  Json* at = &document;
  for (const std::string& name : Split(path, '/')) {
    if (!at->is_object()) *at = Json::object();
    at = &(*at)[name];
  }
  *at = std::move(value);
}

// An object that this empties goes too: half a login is none.
void Erase(Json& document, const std::string& path) {
  const std::size_t slash = path.find('/');
  if (slash == std::string::npos) {
    document.erase(path);
    return;
  }
  const auto outer = document.find(path.substr(0, slash));
  if (outer == document.end() || !outer->is_object()) return;
  outer->erase(path.substr(slash + 1));
  if (outer->empty()) document.erase(path.substr(0, slash));
}

absl::StatusOr<Login> Extract(const LoginFile& file, const Json& document) {
  Login login;
  const auto take = [&login](const std::string& path, const Json& value) {
    login[path] = value.dump(-1, ' ', false, Json::error_handler_t::replace);
  };
  if (!file.entry_types.empty()) {
    for (const auto& [name, entry] : document.items()) {
      if (!IsCarried(file, name, entry)) continue;
      if (!std::all_of(entry.begin(), entry.end(), &IsPlainValue))
        return Invalid("the entry of " + name + " holds more than plain text");
      take(name, entry);
    }
    if (login.size() > kMaxList) return Invalid("more entries than anybody has logins");
    return login;
  }
  for (const std::string_view part : file.parts) {
    const std::string path = Path(part);
    const Json* value = Find(document, path);
    if (value == nullptr) continue;
    if (!IsPlainValue(*value)) return Invalid(path + " holds more than plain text");
    take(path, *value);
  }
  return login;
}

}  // namespace

absl::StatusOr<Login> ReadLogin(const LoginFile& file, std::string_view text) {
  WM_ASSIGN_OR_RETURN(const Json document, Parse(text));
  return Extract(file, document);
}

absl::StatusOr<std::string> PutLogin(const LoginFile& file, std::string_view text,
                                     const Login& login, bool exact) {
  Json document = Json::object();
  if (!text.empty()) {
    WM_ASSIGN_OR_RETURN(document, Parse(text));
  }
  if (exact) {
    WM_ASSIGN_OR_RETURN(const Login old, Extract(file, document));
    for (const auto& [path, value] : old) {
      if (!login.contains(path)) Erase(document, path);
    }
  }
  for (const auto& [path, value] : login) {
    Json parsed = Json::parse(value, nullptr, /*allow_exceptions=*/false);
    if (parsed.is_discarded()) return Internal("a part of a login is no JSON");
    Put(document, path, std::move(parsed));
  }
  return Write(document, text);
}

std::string RefreshDocument(const LoginFile& file, std::string_view host, std::string_view copy) {
  auto fresh = Parse(host);
  const auto old = Parse(copy);
  if (!fresh.ok() || !old.ok()) return std::string(host);
  bool added = false;
  for (const auto& [name, value] : old->items()) {
    const bool is_login = file.entry_types.empty()
                              ? std::any_of(file.parts.begin(), file.parts.end(),
                                            [&, &name = name](std::string_view part) {
                                              return part.substr(0, part.find('.')) == name;
                                            })
                              : IsCarried(file, name, value);
    if (is_login || fresh->contains(name)) continue;
    (*fresh)[name] = value;
    added = true;
  }
  return added ? Write(*fresh, host) : std::string(host);
}

std::string KeepSwitch(std::string_view name, std::string_view fresh, std::string_view old) {
  auto document = Parse(fresh);
  const auto previous = Parse(old);
  if (!document.ok() || !previous.ok()) return std::string(fresh);
  const std::string key(name);
  const auto found = previous->find(key);
  if (found == previous->end() || *found != true || document->contains(key))
    return std::string(fresh);
  (*document)[key] = true;
  return Write(*document, fresh);
}

}  // namespace workmux::daemon
