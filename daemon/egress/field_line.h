#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace workmux::egress {

// Visible characters, blanks and tabs: field-content of RFC 9110 5.5 without the
// obsolete part.
bool IsFieldText(std::string_view text);

// RFC 9110 5.6.2.
bool IsToken(std::string_view text);

// Without blanks and tabs at both ends: OWS of RFC 9110 5.6.3.
std::string_view TrimBlanks(std::string_view text);

bool EqualsIgnoringCase(std::string_view a, std::string_view b);

struct FieldLine {
  std::string_view name;
  std::string_view value;  // trimmed
};
// RFC 9112 5: nothing between the name and its colon. A folded line is none.
std::optional<FieldLine> ReadFieldLine(std::string_view line);

// Why a head is refused: a status of HTTP, 0 for none, and a few words.
struct HeadRefusal {
  int http_status = 0;
  std::string_view reason;
};
constexpr HeadRefusal BadHead(std::string_view reason) { return {400, reason}; }

// The lines of a head one after the other: of text, each ended by CR LF.
class HeadLines {
 public:
  struct Limits {
    std::size_t head;  // bytes; no more are looked at
    std::size_t line;
  };
  HeadLines(std::string_view received, const Limits& limits);

  // The next line without its end; nothing when it is not whole yet, or refused.
  std::optional<std::string_view> Next();
  const HeadRefusal& refusal() const { return refusal_; }
  std::size_t size() const { return at_; }  // bytes of the lines so far

 private:
  std::string_view head_;
  Limits limits_;
  std::size_t at_ = 0;
  HeadRefusal refusal_;
};

}  // namespace workmux::egress
