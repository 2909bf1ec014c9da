#include "daemon/config/pane_parser.h"

#include "common/base/status.h"
#include "common/base/strings.h"

namespace workmux::daemon {
namespace {

constexpr int kMaxCells = 10'000;  // above every terminal; keeps arithmetic on sizes safe

absl::StatusOr<std::string> ReadSplit(const ValueReader& reader, const YamlNode& node) {
  constexpr std::string_view kChoices = "horizontal|vertical";
  if (node.IsScalar() && node.scalar == "stacked") {
    return reader.Error(node.place, "stacked panes exist only in Zellij, use horizontal, vertical");
  }
  WM_RETURN_IF_ERROR(reader.Choice(node, kChoices, "").status());
  return node.scalar;
}

absl::Status ReadField(const ValueReader& reader, const std::string& name, const YamlNode& node,
                       int index, PaneConfig& pane) {
  if (name == "name") {
    WM_ASSIGN_OR_RETURN(pane.name, reader.Line(node));
    if (Trim(pane.name).empty()) return reader.Error(node.place, "a name must not be blank");
  } else if (name == "command") {
    WM_ASSIGN_OR_RETURN(pane.command, reader.Text(node));
  } else if (name == "focus") {
    WM_ASSIGN_OR_RETURN(pane.focus, reader.Bool(node));
  } else if (name == "zoom") {
    WM_ASSIGN_OR_RETURN(pane.zoom, reader.Bool(node));
  } else if (name == "split") {
    WM_ASSIGN_OR_RETURN(pane.split, ReadSplit(reader, node));
  } else if (name == "size") {
    WM_ASSIGN_OR_RETURN(pane.size, reader.Integer(node, 1, kMaxCells));
  } else if (name == "percentage") {
    WM_ASSIGN_OR_RETURN(pane.percentage, reader.Integer(node, 1, 100));
  } else if (name == "target") {
    WM_ASSIGN_OR_RETURN(pane.target, reader.Integer(node, 0, kMaxCells));
    if (*pane.target >= index) {
      return reader.Error(node.place, Format("expected the index of an earlier pane (0 is the "
                                             "first), found {}",
                                             *pane.target));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckPane(const ValueReader& reader, YamlPlace place, int index,
                       const PaneConfig& pane) {
  if (index == 0 && (!pane.split.empty() || pane.size || pane.percentage)) {
    return reader.Error(place, "the first pane cannot have split, size or percentage");
  }
  if (index > 0 && pane.split.empty()) {
    return reader.Error(place, "every pane but the first needs split: horizontal or vertical");
  }
  if (pane.size && pane.percentage) {
    return reader.Error(place, "size and percentage exclude each other");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<PaneConfig>> ParsePanes(const ValueReader& reader,
                                                   const YamlNode& node) {
  WM_RETURN_IF_ERROR(reader.RequireList(node));
  if (node.items.empty()) return reader.Error(node.place, "at least one pane is needed");
  std::vector<PaneConfig> panes;
  bool zoomed = false;
  for (const YamlNode& item : node.items) {
    const int index = static_cast<int>(panes.size());
    const ValueReader at_pane = reader.For(Format("{}[{}]", reader.key(), index));
    WM_RETURN_IF_ERROR(at_pane.RequireMap(item));
    at_pane.WarnOfUnknownKeys(
        item, {"name", "command", "focus", "zoom", "split", "size", "percentage", "target"});
    PaneConfig pane;
    for (const auto& [key, value] : item.entries) {
      if (value.IsNull()) continue;
      const ValueReader at_field = at_pane.For(Format("{}.{}", at_pane.key(), key.name));
      WM_RETURN_IF_ERROR(ReadField(at_field, key.name, value, index, pane));
    }
    WM_RETURN_IF_ERROR(CheckPane(at_pane, item.place, index, pane));
    if (pane.zoom && zoomed) return at_pane.Error(item.place, "only one pane can be zoomed");
    zoomed = zoomed || pane.zoom;
    pane.focus = pane.focus || pane.zoom;
    panes.push_back(std::move(pane));
  }
  return panes;
}

}  // namespace workmux::daemon
