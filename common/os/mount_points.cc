#include "common/os/mount_points.h"

#include "common/base/mount_field.h"
#include "common/base/strings.h"

namespace workmux {
std::vector<std::string> MountPoints(std::string_view mountinfo) {
  std::vector<std::string> points;
  for (const std::string& line : SplitLines(mountinfo)) {
    const std::vector<std::string> fields = Split(line, ' ');
    if (fields.size() >= 5) points.push_back(UnescapeMountField(fields[4]));
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
