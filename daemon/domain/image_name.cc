#include "daemon/domain/image_name.h"

#include <algorithm>

#include "common/base/status.h"
#include "common/base/strings.h"

namespace workmux::daemon {
namespace {

constexpr std::string_view kPlaceholder = "{agent}";
// OCI distribution specification, "Pulling manifests": a name has at most 255
// characters with its host; tag (128) and digest (71) come on top.
constexpr std::size_t kMaxLength = 512;

}  // namespace

std::string ResolveImage(std::string_view configured, std::string_view agent) {
  std::string image =
      configured.empty() ? Format("{}:{}", kOfficialRepository, agent) : std::string(configured);
  for (auto at = image.find(kPlaceholder); at != std::string::npos;
       at = image.find(kPlaceholder, at + agent.size())) {
    image.replace(at, kPlaceholder.size(), agent);
  }
  return image;
}

absl::Status CheckImageName(std::string_view image) {
  const bool printable =
      std::all_of(image.begin(), image.end(), [](char c) { return c > ' ' && c < '\x7f'; });
  if (!image.empty() && image.front() != '-' && image.size() <= kMaxLength && printable)
    return absl::OkStatus();
  return WithHint(WithReason(InvalidArgument("'{}': not the name of an image", Printable(image)),
                             "IMAGE_INVALID"),
                  "write it as `name:tag` or `name@sha256:digest`");
}

bool IsPinned(std::string_view image) { return image.find('@') != std::string_view::npos; }

std::string_view RepositoryOf(std::string_view image) {
  image = image.substr(0, image.find('@'));
  const auto colon = image.rfind(':');
  const auto slash = image.rfind('/');
  // A colon before the last slash belongs to the port.
  const bool tagged =
      colon != std::string_view::npos && (slash == std::string_view::npos || colon > slash);
  return tagged ? image.substr(0, colon) : image;
}

}  // namespace workmux::daemon
