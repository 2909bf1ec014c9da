#include "guest/firewall/direct_way.h"
#include "guest/probe/collectors.h"

namespace workmux::guest {

void AddPassages(const v1::ProbeRequest& request, v1::ProbeReport& report) {
  for (const v1::Way& way : request.ways()) {
    const auto port = static_cast<std::uint16_t>(way.port());
    v1::ProbeReport::Passage& passage = *report.mutable_network()->add_passages();
    *passage.mutable_way() = way;
    passage.set_error(way.datagram() ? SendError(way.address(), port)
                                     : ConnectError(way.address(), port));
  }
}

}  // namespace workmux::guest
