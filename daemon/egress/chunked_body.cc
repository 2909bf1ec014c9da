#include "daemon/egress/chunked_body.h"

#include <algorithm>
#include <optional>

#include "common/base/ascii_case.h"
#include "common/base/format.h"
#include "daemon/egress/field_line.h"

namespace workmux::egress {
namespace {

constexpr std::size_t kMaxLine = 4096;
constexpr std::size_t kMaxTrailer = 8192;
constexpr std::size_t kMaxDigits = 16;
constexpr std::string_view kEnd = "\r\n";

// "1f" or "1f;extension". A blank before the semicolon, which RFC 9112 7.1.1 calls bad,
// is none of it.
std::optional<std::uint64_t> ReadSize(std::string_view line) {
  const std::string_view digits = line.substr(0, line.find(';'));
  if (digits.empty() || digits.size() > kMaxDigits) return std::nullopt;
  std::uint64_t size = 0;
  for (const char c : digits) {
    const char lower = LowerAscii(c);
    const bool is_number = lower >= '0' && lower <= '9';
    if (!is_number && !(lower >= 'a' && lower <= 'f')) return std::nullopt;
    size = size * 16 + static_cast<std::uint64_t>(is_number ? lower - '0' : lower - 'a' + 10);
  }
  return size;
}

}  // namespace

// True when line_ is whole; then it is the next call's to begin anew.
bool ChunkedBody::TakeLine(std::string_view& received) {
  const auto feed = received.find('\n');
  const std::string_view taken =
      received.substr(0, feed == std::string_view::npos ? feed : feed + 1);
  received.remove_prefix(taken.size());
  line_ += taken;
  const bool whole = line_.ends_with(kEnd);
  std::string_view text = line_;
  // The half of a line end may still come.
  text.remove_suffix(whole ? kEnd.size() : text.ends_with('\r') ? 1 : 0);
  const std::size_t longest = part_ == Part::kDataEnd ? 0 : kMaxLine;
  if (text.size() > longest || !IsFieldText(text)) {
    state_ = State::kMalformed;
    return false;
  }
  if (whole) line_.resize(text.size());
  return whole;
}

void ChunkedBody::EndLine(std::string& out) {
  const std::string line = std::move(line_);
  line_.clear();
  if (part_ == Part::kDataEnd) {
    part_ = Part::kSize;
    return;
  }
  if (part_ == Part::kSize) {
    const auto size = ReadSize(line);
    if (!size) {
      state_ = State::kMalformed;
      return;
    }
    left_ = *size;
    part_ = left_ == 0 ? Part::kTrailer : Part::kData;
    return;
  }
  trailer_ += line.size() + kEnd.size();
  if (line.empty()) {
    out += "0\r\n\r\n";
    state_ = State::kDone;
  } else if (trailer_ > kMaxTrailer || !ReadFieldLine(line)) {
    state_ = State::kMalformed;
  }
}

void ChunkedBody::TakeData(std::string_view& received, std::string& out) {
  const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(left_, received.size()));
  out += Format("{:x}\r\n", size);
  out.append(received.substr(0, size)).append(kEnd);
  received.remove_prefix(size);
  left_ -= size;
  if (left_ == 0) part_ = Part::kDataEnd;
}

ChunkedBody::State ChunkedBody::Take(std::string_view& received, std::string& out) {
  while (state_ == State::kMore && !received.empty()) {
    if (part_ == Part::kData) {
      TakeData(received, out);
    } else if (TakeLine(received)) {
      EndLine(out);
    }
  }
  return state_;
}

}  // namespace workmux::egress
