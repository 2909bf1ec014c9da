#include "daemon/sandbox_git/private_config.h"

#include <algorithm>
#include <array>

#include "common/base/strings.h"

namespace workmux::daemon {
namespace {

struct Key {
  std::string section;     // lower case, as git lists it
  std::string subsection;  // as written
  std::string name;        // lower case
  std::string Flat() const { return section + "." + name; }
};

bool ParseKey(std::string_view text, Key& key) {
  const std::size_t first = text.find('.');
  const std::size_t last = text.rfind('.');
  if (first == std::string_view::npos || last + 1 == text.size()) return false;
  key.section = text.substr(0, first);
  key.subsection = first == last ? "" : text.substr(first + 1, last - first - 1);
  key.name = text.substr(last + 1);
  return true;
}

// Sections of which every key is a plain value.
constexpr auto kSections = std::to_array<std::string_view>(
    {"advice", "author", "branch", "color", "committer", "feature", "i18n", "index", "log", "pack",
     "pull", "push", "rebase", "rerere", "stash", "status"});

// "section.name"; a subsection is allowed where git-config(1) has one.
constexpr auto kKeys = std::to_array<std::string_view>({
    "apply.ignorewhitespace",
    "apply.whitespace",
    "commit.cleanup",
    "commit.status",
    "commit.verbose",
    "core.abbrev",
    "core.autocrlf",
    "core.bigfilethreshold",
    "core.checkstat",
    "core.commentchar",
    "core.commitgraph",
    "core.compression",
    "core.deltabasecachelimit",
    "core.eol",
    "core.filemode",
    "core.ignorecase",
    "core.logallrefupdates",
    "core.loosecompression",
    "core.multipackindex",
    "core.packedgitlimit",
    "core.precomposeunicode",
    "core.preloadindex",
    "core.protecthfs",
    "core.protectntfs",
    "core.quotepath",
    "core.safecrlf",
    "core.sparsecheckout",
    "core.sparsecheckoutcone",
    "core.splitindex",
    "core.symlinks",
    "core.trustctime",
    "core.whitespace",
    "diff.algorithm",
    "diff.colormoved",
    "diff.context",
    "diff.indentheuristic",
    "diff.mnemonicprefix",
    "diff.noprefix",
    "diff.renamelimit",
    "diff.renames",
    "diff.submodule",
    "fetch.prune",
    "fetch.prunetags",
    "gc.auto",
    "gc.pruneexpire",
    "gc.reflogexpire",
    "gc.reflogexpireunreachable",
    "init.defaultbranch",
    "merge.conflictstyle",
    "merge.ff",
    "merge.log",
    "merge.renamelimit",
    "merge.renames",
    "merge.stat",
    "notes.displayref",
    "remote.fetch",
    "remote.partialclonefilter",
    "remote.promisor",
    "remote.prune",
    "remote.prunetags",
    "remote.push",
    "remote.pushurl",
    "remote.tagopt",
    "remote.url",
    "submodule.active",
    "submodule.url",
    "tag.sort",
    "user.email",
    "user.name",
    "user.useconfigonly",
});

bool IsAllowed(const Key& key) {
  if (std::binary_search(kKeys.begin(), kKeys.end(), key.Flat())) return true;
  if (key.section == "branch" && key.name == "description") return true;
  return std::find(kSections.begin(), kSections.end(), key.section) != kSections.end() &&
         key.name != "signingkey" && key.name != "gpgsign";
}

// As `git lfs install` writes it, git-lfs-install(1).
constexpr char kLfsFilter[] =
    "[filter \"lfs\"]\n"
    "\tclean = git-lfs clean -- %f\n"
    "\tsmudge = git-lfs smudge -- %f\n"
    "\tprocess = git-lfs filter-process\n"
    "\trequired = true\n";

// Empty when the URL must not be taken over.
std::string SafeUrl(const std::string& url) {
  const std::size_t scheme = url.find("://");
  const std::size_t helper = url.find("::");
  if (helper != std::string::npos && (scheme == std::string::npos || helper < scheme)) return "";
  if (!url.starts_with("http://") && !url.starts_with("https://")) return url;
  const std::size_t host = scheme + 3;
  const std::size_t path = std::min(url.find('/', host), url.size());
  const std::size_t at = url.rfind('@', path);
  if (at == std::string::npos || at < host) return url;
  return url.substr(0, host) + url.substr(at + 1);
}

void Append(std::string& text, const Key& key, std::string_view value) {
  text += "[" + key.section;
  if (!key.subsection.empty()) {
    text += " \"";
    for (const char c : key.subsection) {
      if (c == '"' || c == '\\') text += '\\';
      text += c;
    }
    text += "\"";
  }
  text += "]\n\t" + key.name + " = " + QuoteConfigValue(value) + "\n";
}

}  // namespace

std::string QuoteConfigValue(std::string_view value) {
  std::string out = "\"";
  for (const char c : value) {
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\t':
        out += "\\t";
        break;
      case '\b':
        out += "\\b";
        break;
      default:
        out += c;
    }
  }
  return out + "\"";
}

std::string BuildPrivateConfig(std::string_view listed, bool bare) {
  std::string body;
  bool lfs = false;
  std::string extensions;
  while (!listed.empty()) {
    const std::size_t end = std::min(listed.find('\0'), listed.size());
    const std::string_view entry = listed.substr(0, end);
    listed.remove_prefix(std::min(end + 1, listed.size()));
    // A key without "=" in the file is listed without a value and means true.
    const std::size_t newline = entry.find('\n');
    std::string value =
        newline == std::string_view::npos ? "true" : std::string(entry.substr(newline + 1));
    Key key;
    if (!ParseKey(entry.substr(0, newline), key)) continue;
    if (key.section == "extensions") {
      if (key.name == "objectformat" || key.name == "partialclone") Append(extensions, key, value);
      continue;
    }
    lfs = lfs || (key.section == "filter" && key.subsection == "lfs");
    if (!IsAllowed(key)) continue;
    if (key.name == "url" || key.name == "pushurl") {
      value = SafeUrl(value);
      if (value.empty()) continue;
    }
    Append(body, key, value);
  }
  std::string text = "[core]\n\trepositoryformatversion = ";
  text += extensions.empty() ? "0\n" : "1\n";
  text += bare ? "\tbare = true\n" : "\tbare = false\n";
  return text + extensions + body + (lfs ? kLfsFilter : "");
}

}  // namespace workmux::daemon
