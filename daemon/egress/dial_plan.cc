#include "daemon/egress/dial_plan.h"

#include <algorithm>
#include <utility>

#include "common/base/format.h"
#include "common/base/status.h"
#include "daemon/egress/address_class.h"
#include "daemon/egress/decision.h"

namespace workmux::egress {
namespace {

using asio::ip::address;

// Judged and dialled in the same form.
address Unmapped(const address& given) {
  if (!given.is_v6() || !given.to_v6().is_v4_mapped()) return given;
  return asio::ip::make_address_v4(asio::ip::v4_mapped, given.to_v6());
}

struct Judgement {
  std::string_view reason;  // empty: it may be dialled
  std::string detail;
};

Judgement Judge(const address& candidate, bool allow_private, const LeadsHereFn& leads_here) {
  const AddressClass found = Classify(candidate);
  if (found.reach == Reach::kForbidden || (found.reach == Reach::kPrivate && !allow_private)) {
    return {found.reach == Reach::kPrivate ? reason::kPrivateAddress : reason::kForbiddenAddress,
            Format("{} ({})", candidate.to_string(), found.block)};
  }
  const absl::StatusOr<bool> here = leads_here(candidate);
  if (!here.ok()) {
    return {reason::kOwnAddress, Format("{}: its route is not known: {}", candidate.to_string(),
                                        MessageOf(here.status()))};
  }
  if (*here) return {reason::kOwnAddress, candidate.to_string()};
  return {};
}

// RFC 8305 4, with one address of the first family before the first of the other.
std::vector<address> TakeTurns(const std::vector<address>& six, const std::vector<address>& four) {
  std::vector<address> order;
  for (std::size_t i = 0; i < std::max(six.size(), four.size()); ++i) {
    if (i < six.size()) order.push_back(six[i]);
    if (i < four.size()) order.push_back(four[i]);
  }
  return order;
}

}  // namespace

DialPlan PlanDial(std::span<const address> answers, bool allow_private,
                  const LeadsHereFn& leads_here) {
  DialPlan plan;
  plan.reason = reason::kNotResolved;
  std::vector<address> six;
  std::vector<address> four;
  for (const address& answer : answers.first(std::min(answers.size(), kMaxAnswers))) {
    const address candidate = Unmapped(answer);
    auto& family = candidate.is_v6() ? six : four;
    if (std::find(family.begin(), family.end(), candidate) != family.end()) continue;
    Judgement judgement = Judge(candidate, allow_private, leads_here);
    if (judgement.reason.empty()) {
      family.push_back(candidate);
    } else {
      plan.reason = judgement.reason;
      plan.detail = std::move(judgement.detail);
    }
  }
  plan.addresses = TakeTurns(six, four);
  if (!plan.addresses.empty()) {
    plan.reason = {};
    plan.detail.clear();
  }
  return plan;
}

}  // namespace workmux::egress
