#include "common/os/mount_points.h"

#include "common/base/strings.h"

namespace workmux {
namespace {

std::string Unescape(std::string_view field) {
  std::string text;
  for (std::size_t i = 0; i < field.size(); ++i) {
    if (field[i] == '\\' && i + 3 < field.size()) {
      text += static_cast<char>((field[i + 1] - '0') * 64 + (field[i + 2] - '0') * 8 +
                                (field[i + 3] - '0'));
      i += 3;
    } else {
      text += field[i];
    }
  }
  return text;
}

}  // namespace

std::vector<std::string> MountPoints(std::string_view mountinfo) {
  std::vector<std::string> points;
  for (const std::string& line : SplitLines(mountinfo)) {
    const std::vector<std::string> fields = Split(line, ' ');
    if (fields.size() >= 5) points.push_back(Unescape(fields[4]));
  }
  return points;
}

std::vector<std::filesystem::path> MountPointsBelow(const std::vector<std::string>& points,
                                                    const std::filesystem::path& directory) {
  const std::string prefix = directory == "/" ? "/" : directory.native() + "/";
  std::vector<std::filesystem::path> below;
  for (const std::string& point : points) {
    if (point.size() > prefix.size() && point.starts_with(prefix)) below.emplace_back(point);
  }
  return below;
}

}  // namespace workmux
