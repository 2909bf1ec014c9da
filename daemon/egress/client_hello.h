#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace workmux::egress {

// What a TLS client says first, in the clear: RFC 8446 4.1.2 in records of 5.1.
struct ClientHelloParse {
  enum class State { kIncomplete, kComplete, kNotTls };
  State state = State::kIncomplete;
  std::string server_name;           // RFC 6066 3, as sent; empty: none
  bool has_encrypted_hello = false;  // RFC 9849: the name is the outer one
};

// `received`: everything since the tunnel's first byte. Pure. A hello in several records
// is put together; one longer than kMaxHello, or malformed in any length, is kNotTls.
inline constexpr std::size_t kMaxHello = 16384;
ClientHelloParse ParseClientHello(std::string_view received);

// The same, of bytes as they come: however many pieces there are, each byte is looked
// at once, and a hello in pieces of one costs no more than a whole one.
class ClientHelloReader {
 public:
  // `more`: what follows the bytes of the calls before. What was decided stays.
  const ClientHelloParse& Take(std::string_view more);

 private:
  bool TakeHeader(std::string_view& more);
  void ReadMessage();

  std::string header_;    // of the record that begins
  std::size_t left_ = 0;  // of the record's body
  std::string message_;
  ClientHelloParse parse_;
};

}  // namespace workmux::egress
