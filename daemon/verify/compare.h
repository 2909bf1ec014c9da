#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "daemon/domain/sandbox_check.h"
#include "workmux/guest/v1/probe.pb.h"
#include "workmux/state/v1/expectation.pb.h"

namespace workmux::daemon {

// The answer to RequestFor(expectation), judged. Pure. Everything in the report is
// the guest's text: what it says ends up in differences, printable, and nowhere else.
// A fact that is missing is a difference.
std::vector<Difference> Compare(const state::v1::Expectation& expectation,
                                const guest::v1::ProbeReport& report);

// What the probe has to try.
guest::v1::ProbeRequest RequestFor(const state::v1::Expectation& expectation);

// Whether a variable's name says that its value is a secret, as tools that look for
// leaked ones know them.
bool LooksSecret(std::string name);

// Part of RequestFor.
void AddWays(const state::v1::Expectation& expectation, guest::v1::ProbeRequest& request);

// Parts of Compare.
void CompareFirewall(const state::v1::Expectation& expectation,
                     const guest::v1::ProbeReport& report, std::vector<Difference>& differences);
void CompareMounts(const state::v1::Expectation& expectation, const guest::v1::ProbeReport& report,
                   std::vector<Difference>& differences);
void CompareNetwork(const state::v1::Expectation& expectation, const guest::v1::ProbeReport& report,
                    std::vector<Difference>& differences);

}  // namespace workmux::daemon
