#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace workmux::egress {

// A body in chunks, RFC 9112 7.1, read strictly and written anew: extensions and trailer
// fields, in which nobody expects anything, are left out.
class ChunkedBody {
 public:
  enum class State { kMore, kDone, kMalformed };

  // Takes from the front of `received` what belongs to the body and appends to `out` what
  // goes on. What was decided stays.
  State Take(std::string_view& received, std::string& out);

 private:
  enum class Part { kSize, kData, kDataEnd, kTrailer };
  bool TakeLine(std::string_view& received);
  void EndLine(std::string& out);
  void TakeData(std::string_view& received, std::string& out);

  State state_ = State::kMore;
  Part part_ = Part::kSize;
  std::string line_;  // of which the end is missing, then the whole one without CR LF
  std::uint64_t left_ = 0;
  std::size_t trailer_ = 0;  // bytes
};

}  // namespace workmux::egress
