#pragma once

#include <string>

namespace workmux::test {

// Messages of RFC 8446, built by hand.
inline std::string TlsNumber(std::size_t number, int width) {
  std::string text;
  for (int i = width - 1; i >= 0; --i) text += static_cast<char>(number >> (8 * i));
  return text;
}
inline std::string TlsVector(const std::string& body, int width) {
  return TlsNumber(body.size(), width) + body;
}
inline std::string TlsExtension(std::size_t type, const std::string& body) {
  return TlsNumber(type, 2) + TlsVector(body, 2);
}
inline std::string TlsNameExtension(const std::string& name) {
  return TlsExtension(0, TlsVector(TlsNumber(0, 1) + TlsVector(name, 2), 2));
}
inline std::string TlsHello(const std::string& extensions) {
  const std::string body = "\x03\x03" + std::string(32, 'r') + TlsVector("", 1) +
                           TlsVector(std::string("\x13\x01"), 2) +
                           TlsVector(std::string(1, '\0'), 1) + extensions;
  return std::string(1, '\x01') + TlsVector(body, 3);
}
// In records of at most `size` bytes.
inline std::string TlsRecords(const std::string& message, std::size_t size = 16384) {
  std::string text;
  for (std::size_t at = 0; at < message.size(); at += size)
    text += "\x16\x03\x01" + TlsVector(message.substr(at, size), 2);
  return text;
}
inline std::string TlsHelloFor(const std::string& name) {
  return TlsRecords(TlsHello(TlsVector(TlsNameExtension(name), 2)));
}

}  // namespace workmux::test
