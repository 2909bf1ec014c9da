#include "daemon/config/sandbox_parser.h"

#include <algorithm>
#include <cctype>

#include "common/base/status.h"
#include "common/base/strings.h"

namespace workmux::daemon {
namespace {

namespace fs = std::filesystem;

bool IsAlnum(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; }

bool HoldsOnly(std::string_view text, std::string_view punctuation) {
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return IsAlnum(c) || punctuation.find(c) != std::string_view::npos;
  });
}

// Items of a list, each read with a reader that names its index.
template <class Item, class Read>
absl::StatusOr<std::vector<Item>> ReadItems(const ValueReader& reader, const YamlNode& node,
                                            Read read) {
  WM_RETURN_IF_ERROR(reader.RequireList(node));
  std::vector<Item> items;
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    WM_ASSIGN_OR_RETURN(Item item,
                        read(reader.For(Format("{}[{}]", reader.key(), i)), node.items[i]));
    items.push_back(std::move(item));
  }
  return items;
}

// One line of text that `fits`; else "expected <what>, found …".
template <class Fits>
absl::StatusOr<std::string> ReadWord(const ValueReader& reader, const YamlNode& node,
                                     std::string_view what, Fits fits) {
  // Not moved into a local: gcc 12 takes that string for uninitialized at -O2.
  absl::StatusOr<std::string> word = reader.Line(node);
  if (!word.ok() || fits(*word)) return word;
  return reader.Error(node.place, Format("expected {}, found {}", what, DescribeValue(node)));
}

// Digits with an optional fraction, not zero; returns how long it is, 0 for none.
std::size_t PositiveDecimal(std::string_view text, std::size_t max_fraction) {
  std::size_t at = text.find_first_not_of("0123456789");
  at = at == std::string_view::npos ? text.size() : at;
  if (at == 0) return 0;
  if (at < text.size() && text[at] == '.') {
    std::size_t end = text.find_first_not_of("0123456789", at + 1);
    end = end == std::string_view::npos ? text.size() : end;
    if (end == at + 1 || end - at - 1 > max_fraction) return 0;
    at = end;
  }
  const bool positive = text.substr(0, at).find_first_of("123456789") != std::string_view::npos;
  return positive ? at : 0;
}

bool IsSize(std::string_view text) {
  const std::size_t digits = PositiveDecimal(text, 9);
  std::string unit(text.substr(digits));
  for (char& c : unit) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  if (!unit.empty() && std::string_view("kmgtp").find(unit[0]) != std::string_view::npos) {
    unit.erase(0, 1);
    if (unit == "ib") unit.clear();
  }
  return digits > 0 && (unit.empty() || unit == "b");
}

bool IsAbsolute(std::string_view path) { return path.starts_with('/'); }
bool IsFromHome(std::string_view path) { return path == "~" || path.starts_with("~/"); }

absl::StatusOr<fs::path> ReadPath(const ValueReader& reader, const YamlNode& node, bool home) {
  const std::string_view what =
      home ? "an absolute path or one that starts with ~/" : "an absolute path";
  WM_ASSIGN_OR_RETURN(const std::string text,
                      ReadWord(reader, node, what, [&](std::string_view path) {
                        return IsAbsolute(path) || (home && IsFromHome(path));
                      }));
  const fs::path path(text);
  if (std::find(path.begin(), path.end(), "..") != path.end())
    return reader.Error(node.place, Format("\"..\" is not allowed in {}", DescribeValue(node)));
  fs::path normal = path.lexically_normal();
  return normal.has_filename() || normal == "/" ? normal : normal.parent_path();
}

const YamlNode* FindEntry(const YamlNode& map, std::string_view name) {
  for (const auto& [key, value] : map.entries) {
    if (key.name == name && !value.IsNull()) return &value;
  }
  return nullptr;
}

absl::Status RequireHostPath(const ValueReader& reader, const YamlNode& map,
                             const std::vector<std::string_view>& known) {
  WM_RETURN_IF_ERROR(reader.RequireKnownKeys(map, known));
  if (FindEntry(map, "host_path") != nullptr) return absl::OkStatus();
  return reader.Error(map.place, "host_path is missing");
}

absl::StatusOr<ExtraMount> ReadExtraMount(const ValueReader& reader, const YamlNode& node) {
  ExtraMount mount;
  if (!node.IsMap()) {
    WM_ASSIGN_OR_RETURN(mount.host_path, ReadPath(reader, node, /*home=*/true));
    return mount;
  }
  WM_RETURN_IF_ERROR(RequireHostPath(reader, node, {"host_path", "guest_path", "writable"}));
  for (const auto& [key, value] : node.entries) {
    if (value.IsNull()) continue;
    const ValueReader field = reader.For(Format("{}.{}", reader.key(), key.name));
    if (key.name == "host_path") {
      WM_ASSIGN_OR_RETURN(mount.host_path, ReadPath(field, value, /*home=*/true));
    } else if (key.name == "guest_path") {
      WM_ASSIGN_OR_RETURN(mount.guest_path, ReadPath(field, value, /*home=*/false));
    } else {
      WM_ASSIGN_OR_RETURN(mount.writable, field.Bool(value));
    }
  }
  return mount;
}

bool IsPermissions(std::string_view text) {
  if (text.empty() || text.size() > 3) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (std::string_view("rwm").find(text[i]) == std::string_view::npos) return false;
    if (text.find(text[i]) != i) return false;
  }
  return true;
}

absl::StatusOr<std::string> ReadPermissions(const ValueReader& reader, const YamlNode& node) {
  return ReadWord(reader, node, "letters of rwm", &IsPermissions);
}

// A path of --device, whose fields a colon separates.
absl::StatusOr<fs::path> ReadDevicePath(const ValueReader& reader, const YamlNode& node) {
  WM_ASSIGN_OR_RETURN(fs::path path, ReadPath(reader, node, /*home=*/false));
  if (path.native().find_first_of(" :,\t") == std::string::npos) return path;
  return reader.Error(node.place, Format("expected a device without blanks, colons and commas, "
                                         "found {}",
                                         DescribeValue(node)));
}

absl::StatusOr<Device> ReadShortDevice(const ValueReader& reader, const YamlNode& node) {
  WM_ASSIGN_OR_RETURN(const std::string text, reader.Line(node));
  const std::vector<std::string> fields = Split(text, ':');
  const auto error = [&] {
    return reader.Error(
        node.place, Format("expected /dev/name[:/dev/name][:rwm], found {}", DescribeValue(node)));
  };
  if (fields.size() > 3) return error();
  YamlNode part = node;
  part.scalar = fields[0];
  Device device;
  WM_ASSIGN_OR_RETURN(device.host_path, ReadDevicePath(reader, part));
  device.guest_path = device.host_path;
  for (std::size_t i = 1; i < fields.size(); ++i) {
    part.scalar = fields[i];
    if (i == 1 && IsAbsolute(fields[i])) {
      WM_ASSIGN_OR_RETURN(device.guest_path, ReadDevicePath(reader, part));
    } else if (i + 1 == fields.size() && IsPermissions(fields[i])) {
      device.permissions = fields[i];
    } else {
      return error();
    }
  }
  return device;
}

absl::StatusOr<Device> ReadDevice(const ValueReader& reader, const YamlNode& node) {
  if (!node.IsMap()) return ReadShortDevice(reader, node);
  WM_RETURN_IF_ERROR(RequireHostPath(reader, node, {"host_path", "guest_path", "permissions"}));
  Device device;
  for (const auto& [key, value] : node.entries) {
    if (value.IsNull()) continue;
    const ValueReader field = reader.For(Format("{}.{}", reader.key(), key.name));
    if (key.name == "host_path") {
      WM_ASSIGN_OR_RETURN(device.host_path, ReadDevicePath(field, value));
    } else if (key.name == "guest_path") {
      WM_ASSIGN_OR_RETURN(device.guest_path, ReadDevicePath(field, value));
    } else {
      WM_ASSIGN_OR_RETURN(device.permissions, ReadPermissions(field, value));
    }
  }
  if (device.guest_path.empty()) device.guest_path = device.host_path;
  return device;
}

absl::StatusOr<fs::path> ReadExcludedFile(const ValueReader& reader, const YamlNode& node) {
  WM_ASSIGN_OR_RETURN(const std::string text,
                      ReadWord(reader, node, "a path below the worktree",
                               [](std::string_view path) { return !path.empty(); }));
  const fs::path path(text);
  if (path.is_absolute() || std::find(path.begin(), path.end(), "..") != path.end()) {
    return reader.Error(node.place, Format("expected a path below the worktree, without \"..\", "
                                           "found {}",
                                           DescribeValue(node)));
  }
  const fs::path normal = path.lexically_normal();
  if (normal == "." || !normal.has_filename())
    return reader.Error(node.place, Format("expected a file, found {}", DescribeValue(node)));
  return normal;
}

absl::StatusOr<std::string> ReadCapability(const ValueReader& reader, const YamlNode& node) {
  WM_ASSIGN_OR_RETURN(std::string name, ReadWord(reader, node, "a capability such as SYS_PTRACE",
                                                 [](std::string_view text) {
                                                   return !text.empty() && HoldsOnly(text, "_");
                                                 }));
  for (char& c : name) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  if (name.starts_with("CAP_")) name.erase(0, 4);
  if (name != "ALL" && name != "SYS_ADMIN") return name;
  return reader.Error(node.place, Format("{} would let the sandbox out and is refused", name));
}

}  // namespace

// The characters of an image reference (OCI distribution specification 1.1), the
// placeholder aside. The first one keeps it from being read as an option.
absl::StatusOr<std::string> ParseImage(const ValueReader& reader, const YamlNode& node) {
  return ReadWord(reader, node, "an image's name", [](std::string_view image) {
    return image.empty() ||
           ((image[0] == '{' || IsAlnum(image[0])) && HoldsOnly(image, "._/:@-{}"));
  });
}

absl::StatusOr<std::string> ParseSize(const ValueReader& reader, const YamlNode& node, bool zero) {
  if (node.IsScalar() && (IsSize(node.scalar) || (zero && node.scalar == "0"))) return node.scalar;
  return reader.Error(node.place,
                      Format("expected a size such as 512m or 8g, found {}", DescribeValue(node)));
}

absl::StatusOr<std::string> ParseCpus(const ValueReader& reader, const YamlNode& node) {
  if (node.IsScalar() && node.scalar.size() <= 16 &&
      PositiveDecimal(node.scalar, 9) == node.scalar.size()) {
    return node.scalar;
  }
  return reader.Error(
      node.place, Format("expected a number of CPUs such as 1.5, found {}", DescribeValue(node)));
}

// RFC 1123, 2.1, or a numeric address.
absl::StatusOr<std::string> ParseHostName(const ValueReader& reader, const YamlNode& node) {
  return ReadWord(reader, node, "a host name or an address", [](std::string_view host) {
    return !host.empty() && host.size() <= 253 && (IsAlnum(host[0]) || host[0] == ':') &&
           HoldsOnly(host, ".-:");
  });
}

absl::StatusOr<std::vector<std::string>> ParsePassthrough(const ValueReader& reader,
                                                          const YamlNode& node) {
  return ReadItems<std::string>(reader, node, [](const ValueReader& item, const YamlNode& value) {
    return ReadWord(item, value, "a variable's name", &IsVariableName);
  });
}

absl::StatusOr<std::map<std::string, std::string>> ParseEnvironment(const ValueReader& reader,
                                                                    const YamlNode& node) {
  WM_RETURN_IF_ERROR(reader.RequireMap(node));
  std::map<std::string, std::string> env;
  for (const auto& [key, value] : node.entries) {
    if (!IsVariableName(key.name)) {
      return reader.Error(key.place,
                          Format("\"{}\" is not a variable's name", Printable(key.name)));
    }
    WM_ASSIGN_OR_RETURN(env[key.name],
                        reader.For(Format("{}.{}", reader.key(), key.name)).Text(value));
  }
  return env;
}

absl::StatusOr<std::vector<ExtraMount>> ParseExtraMounts(const ValueReader& reader,
                                                         const YamlNode& node) {
  return ReadItems<ExtraMount>(reader, node, &ReadExtraMount);
}

absl::StatusOr<std::vector<Device>> ParseDevices(const ValueReader& reader, const YamlNode& node) {
  return ReadItems<Device>(reader, node, &ReadDevice);
}

absl::StatusOr<std::vector<std::string>> ParseGroups(const ValueReader& reader,
                                                     const YamlNode& node) {
  return ReadItems<std::string>(
      reader, node,
      [](const ValueReader& item, const YamlNode& value) -> absl::StatusOr<std::string> {
        // A group's number is naturally written without quotes.
        if (IsCoreNumber(value)) {
          WM_ASSIGN_OR_RETURN(const int number, item.Integer(value, 0, 2'147'483'647));
          return Format("{}", number);
        }
        return ReadWord(item, value, "a group's name or number", [](std::string_view group) {
          return !group.empty() && group[0] != '-' && HoldsOnly(group, "_.-");
        });
      });
}

absl::StatusOr<std::vector<fs::path>> ParseExcludedFiles(const ValueReader& reader,
                                                         const YamlNode& node) {
  return ReadItems<fs::path>(reader, node, &ReadExcludedFile);
}

absl::StatusOr<std::string> ParseOciRuntime(const ValueReader& reader, const YamlNode& node) {
  return ReadWord(reader, node, "a runtime's name or path", [](std::string_view name) {
    return !name.empty() && (IsAlnum(name[0]) || name[0] == '/') && HoldsOnly(name, "_.-/");
  });
}

absl::StatusOr<std::vector<std::string>> ParseCapabilities(const ValueReader& reader,
                                                           const YamlNode& node) {
  return ReadItems<std::string>(reader, node, &ReadCapability);
}

absl::StatusOr<std::vector<std::string>> ParseSecurityOptions(const ValueReader& reader,
                                                              const YamlNode& node) {
  return ReadItems<std::string>(reader, node, [](const ValueReader& item, const YamlNode& value) {
    return ReadWord(item, value, "an option such as seccomp=profile.json",
                    [](std::string_view option) { return !option.empty() && option[0] != '-'; });
  });
}

}  // namespace workmux::daemon
