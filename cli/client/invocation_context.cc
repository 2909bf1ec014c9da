#include "cli/client/invocation_context.h"

#include "common/base/status.h"
#include "workmux/control/v1/common.pb.h"

namespace workmux::cli {
namespace {

namespace pb = control::v1;

absl::Status FillPlace(const Invocation& invocation, pb::InvocationContext& context) {
  WM_RETURN_IF_ERROR(CheckUtf8(invocation.cwd.native(), "the current directory's name"));
  context.set_cwd(invocation.cwd.native());
  if (IsUtf8(invocation.cli_path.native())) context.set_cli_path(invocation.cli_path.native());
  context.set_interactive(invocation.interactive);
  return absl::OkStatus();
}

}  // namespace

absl::Status FillContext(const Invocation& invocation, pb::InvocationContext& context) {
  WM_RETURN_IF_ERROR(FillPlace(invocation, context));
  auto& env = *context.mutable_env();
  for (const auto& [name, value] : invocation.env) {
    if (IsUtf8(name) && IsUtf8(value)) env[name] = value;
  }
  return absl::OkStatus();
}

absl::Status FillPaneContext(const Invocation& invocation, pb::InvocationContext& context) {
  WM_RETURN_IF_ERROR(FillPlace(invocation, context));
  auto& env = *context.mutable_env();
  for (const auto& [name, value] : invocation.env) {
    // The home tells where the icons are configured.
    const bool wanted = name == "TMUX" || name == "TMUX_PANE" || name == "HOME" ||
                        name == "XDG_CONFIG_HOME" || name.starts_with("WORKMUX_");
    if (wanted && IsUtf8(value)) env[name] = value;
  }
  return absl::OkStatus();
}

bool IsUtf8(std::string_view text) {
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
  for (std::size_t i = 0; i < text.size();) {
    const unsigned lead = byte(i);
    if (lead < 0x80) {
      ++i;
      continue;
    }
    const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (lead < 0xC2 || lead > 0xF4 || i + length > text.size()) return false;
    for (std::size_t k = 1; k < length; ++k) {
      if ((byte(i + k) & 0xC0) != 0x80) return false;
    }
    const unsigned second = byte(i + 1);
    // Overlong forms, surrogates, and what lies above U+10FFFF.
    if ((lead == 0xE0 && second < 0xA0) || (lead == 0xED && second > 0x9F) ||
        (lead == 0xF0 && second < 0x90) || (lead == 0xF4 && second > 0x8F)) {
      return false;
    }
    i += length;
  }
  return true;
}

absl::Status CheckUtf8(std::string_view text, std::string_view what) {
  if (IsUtf8(text)) return absl::OkStatus();
  return WithHint(WithReason(InvalidArgument("{} is not valid UTF-8", what), "NOT_UTF8"),
                  "use a name in UTF-8");
}

}  // namespace workmux::cli
