#include "daemon/egress/client_hello.h"

#include <cstdint>
#include <optional>

namespace workmux::egress {
namespace {

constexpr std::uint8_t kHandshakeRecord = 22;      // RFC 8446 5.1
constexpr std::uint8_t kClientHello = 1;           // RFC 8446 4
constexpr std::uint16_t kServerName = 0;           // RFC 6066 1.1
constexpr std::uint16_t kEncryptedHello = 0xfe0d;  // RFC 9849 5
constexpr std::uint8_t kHostName = 0;              // RFC 6066 3
constexpr std::size_t kMaxRecord = 16384;          // RFC 8446 5.1
constexpr std::size_t kRecordHeader = 5;
constexpr std::size_t kHandshakeHeader = 4;
constexpr std::size_t kRandom = 32;

// Takes numbers in network order and pieces from the front. After a take that was too
// long everything is empty and `ok` false.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}
  bool ok() const { return ok_; }
  bool empty() const { return bytes_.empty(); }
  std::string_view Take(std::size_t size) {
    if (size > bytes_.size()) {
      ok_ = false;
      bytes_ = {};
      return {};
    }
    const std::string_view taken = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return taken;
  }
  std::size_t Number(std::size_t width) {
    std::size_t number = 0;
    for (const char c : Take(width)) number = number << 8 | static_cast<std::uint8_t>(c);
    return number;
  }
  // A piece with its length before it.
  Reader Vector(std::size_t width) { return Reader(Take(Number(width))); }

 private:
  std::string_view bytes_;
  bool ok_ = true;
};

// False when it is malformed.
bool ReadServerNames(Reader extension, std::string& name) {
  Reader list = extension.Vector(2);
  if (!extension.ok() || !extension.empty()) return false;
  while (!list.empty()) {
    const std::size_t type = list.Number(1);
    const std::string_view text = list.Take(list.Number(2));
    // Two names of one type are forbidden; which one would count?
    if (!list.ok() || type != kHostName || text.empty() || !name.empty()) return false;
    name = std::string(text);
  }
  return list.ok() && !name.empty();
}

bool ReadExtensions(Reader extensions, ClientHelloParse& parse) {
  bool has_name = false;
  while (!extensions.empty()) {
    const std::size_t type = extensions.Number(2);
    const Reader body = extensions.Vector(2);
    if (!extensions.ok()) return false;
    if (type == kEncryptedHello) parse.has_encrypted_hello = true;
    if (type != kServerName) continue;
    if (has_name || !ReadServerNames(body, parse.server_name)) return false;
    has_name = true;
  }
  return extensions.ok();
}

bool ReadHello(Reader hello, ClientHelloParse& parse) {
  hello.Take(2 + kRandom);  // legacy_version, random
  hello.Vector(1);          // legacy_session_id
  hello.Vector(2);          // cipher_suites
  hello.Vector(1);          // legacy_compression_methods
  if (!hello.ok()) return false;
  if (hello.empty()) return true;  // before TLS 1.2 there need be none
  const Reader extensions = hello.Vector(2);
  return hello.ok() && hello.empty() && ReadExtensions(extensions, parse);
}

ClientHelloParse NotTls() {
  ClientHelloParse parse;
  parse.state = ClientHelloParse::State::kNotTls;
  return parse;
}

}  // namespace

ClientHelloParse ParseClientHello(std::string_view received) {
  return ClientHelloReader().Take(received);
}

const ClientHelloParse& ClientHelloReader::Take(std::string_view more) {
  while (parse_.state == ClientHelloParse::State::kIncomplete && !more.empty()) {
    if (left_ == 0) {
      if (!TakeHeader(more)) parse_ = NotTls();
      continue;
    }
    // Of the last record a part may be missing: what is there may be enough.
    const std::string_view body = more.substr(0, left_);
    more.remove_prefix(body.size());
    left_ -= body.size();
    message_ += body;
    ReadMessage();
  }
  return parse_;
}

// False when no record of a handshake begins so.
bool ClientHelloReader::TakeHeader(std::string_view& more) {
  const std::string_view taken = more.substr(0, kRecordHeader - header_.size());
  more.remove_prefix(taken.size());
  header_ += taken;
  if (static_cast<std::uint8_t>(header_[0]) != kHandshakeRecord) return false;
  if (header_.size() >= 2 && header_[1] != 3) return false;
  if (header_.size() < kRecordHeader) return true;
  left_ = Reader(std::string_view(header_).substr(3)).Number(2);
  header_.clear();
  return left_ > 0 && left_ <= kMaxRecord;
}

void ClientHelloReader::ReadMessage() {
  if (message_.size() < kHandshakeHeader) return;
  Reader header(message_);
  const bool is_hello = header.Number(1) == kClientHello;
  const std::size_t size = kHandshakeHeader + header.Number(3);
  if (!is_hello || size > kMaxHello) {
    parse_ = NotTls();
  } else if (message_.size() >= size) {
    const std::string_view body = std::string_view(message_).substr(0, size);
    if (ReadHello(Reader(body.substr(kHandshakeHeader)), parse_)) {
      parse_.state = ClientHelloParse::State::kComplete;
    } else {
      parse_ = NotTls();
    }
  }
}

}  // namespace workmux::egress
