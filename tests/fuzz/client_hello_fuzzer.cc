// The first message inside a tunnel: the name that the proxy compares is the one that a
// server takes from the same bytes. OpenSSL plays the server.

#include <openssl/bio.h>
#include <openssl/ssl.h>

#include <optional>

#include "daemon/egress/client_hello.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/support/tls_hello.h"

namespace workmux::fuzz {
namespace {

using egress::ClientHelloParse;
using egress::ParseClientHello;
using State = ClientHelloParse::State;
using test::TlsExtension;
using test::TlsHello;
using test::TlsNameExtension;
using test::TlsNumber;
using test::TlsRecords;
using test::TlsVector;

constexpr std::size_t kServerName = 0;
constexpr std::size_t kSupportedVersions = 43;
constexpr std::size_t kEncryptedHello = 0xfe0d;

int KeepName(SSL* server, int*, void*) {
  const char* name = SSL_get_servername(server, TLSEXT_NAMETYPE_host_name);
  if (name != nullptr)
    static_cast<std::optional<std::string>*>(SSL_get_app_data(server))->emplace(name);
  return SSL_TLSEXT_ERR_ALERT_FATAL;
}

SSL_CTX* Server() {
  static SSL_CTX* const context = [] {
    SSL_CTX* made = SSL_CTX_new(TLS_server_method());
    SSL_CTX_set_tlsext_servername_callback(made, KeepName);
    SSL_CTX_set_security_level(made, 0);
    return made;
  }();
  return context;
}

// What a server is asked for with these bytes; nothing when it takes them for no hello,
// or for one without a name.
std::optional<std::string> NameToServer(std::string_view bytes) {
  std::optional<std::string> name;
  SSL* server = SSL_new(Server());
  BIO* in = BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size()));
  SSL_set_bio(server, in, BIO_new(BIO_s_null()));
  SSL_set_app_data(server, &name);
  SSL_accept(server);
  SSL_free(server);
  return name;
}

ClientHelloParse CheckBytes(std::string_view bytes) {
  const ClientHelloParse parse = ParseClientHello(bytes);
  Require(parse.state == State::kComplete || parse.server_name.empty(),
          "there is no name before the end");
  // However the bytes arrive.
  egress::ClientHelloReader reader;
  for (std::size_t at = 0, piece = 1; at < bytes.size(); at += piece, piece = piece % 7 + 1)
    reader.Take(bytes.substr(at, piece));
  const ClientHelloParse pieces = reader.Take({});
  Require(pieces.state == parse.state && pieces.server_name == parse.server_name &&
              pieces.has_encrypted_hello == parse.has_encrypted_hello,
          "pieces are read as the whole");
  const std::size_t step = 1 + bytes.size() / 12;
  for (std::size_t size = 0; size < bytes.size(); size += step) {
    const ClientHelloParse early = ParseClientHello(bytes.substr(0, size));
    if (early.state == State::kIncomplete) continue;
    Require(early.state == parse.state && early.server_name == parse.server_name &&
                early.has_encrypted_hello == parse.has_encrypted_hello,
            "what was decided does not change with more bytes");
  }
  if (parse.state == State::kComplete) {
    const std::optional<std::string> name = NameToServer(bytes);
    Require(!name || *name == parse.server_name, "a server is told the name that was compared");
  }
  return parse;
}

// A whole hello of parts that the input chooses, in records of a size that it chooses.
// The name of it is known.
void CheckBuilt(Input input) {
  const std::size_t record = 1 + input.Byte() * 4;
  const std::size_t versions = input.Byte();
  std::optional<std::string> name;
  bool twice = false;
  bool encrypted = false;
  std::string extensions;
  if (versions % 2 == 0) extensions += TlsExtension(kSupportedVersions, TlsVector("\x03\x04", 1));
  while (!input.empty() && extensions.size() < 4096) {
    const std::size_t kind = input.Byte() % 5;
    std::string body = input.Bytes(input.Byte());
    if (kind == 0) {
      if (body.empty()) body = "a.b";
      twice = twice || name.has_value();
      name = body;
      extensions += TlsNameExtension(body);
    } else if (kind == 1) {
      twice = true;
      const std::string one = TlsNumber(0, 1) + TlsVector(body + "a", 2);
      extensions += TlsExtension(kServerName, TlsVector(one + one, 2));
    } else if (kind == 2) {
      encrypted = true;
      extensions += TlsExtension(kEncryptedHello, body);
    } else {
      // Of types that are none of those two.
      extensions += TlsExtension(0x2a2a + input.Byte(), body);
    }
  }
  const std::string bytes = TlsRecords(TlsHello(TlsVector(extensions, 2)), record) + input.Rest();
  const ClientHelloParse parse = CheckBytes(bytes);
  Require((parse.state == State::kNotTls) == twice,
          "a well-formed hello is read, one with two names not");
  if (twice) return;
  Require(parse.server_name == name.value_or(""), "the name is the one that was sent");
  Require(parse.has_encrypted_hello == encrypted, "an encrypted hello is noticed");
}

}  // namespace

void Check(std::string_view input) {
  Input parts(input);
  if (parts.Byte() % 2 == 0) {
    CheckBytes(parts.Rest());
  } else {
    CheckBuilt(parts);
  }
}

std::vector<std::string> Seeds() {
  const std::string raw(1, '\0');
  const std::string name = TlsNameExtension("api.example.com");
  const std::string versions = TlsExtension(kSupportedVersions, TlsVector("\x03\x04", 1));
  const auto hello = [](const std::string& extensions) {
    return TlsHello(TlsVector(extensions, 2));
  };
  return {raw + TlsRecords(hello(name)),
          raw + TlsRecords(hello(versions + name)),
          raw + TlsRecords(hello(name), 7),
          raw + TlsRecords(hello(name + name)),
          raw + TlsRecords(hello(TlsExtension(kEncryptedHello, "outer") + name)),
          raw + TlsRecords(TlsHello("")),
          raw + TlsRecords(hello(
                    TlsExtension(kServerName, TlsVector(TlsNumber(0, 1) + TlsVector("a.b", 2) +
                                                            TlsNumber(0, 1) + TlsVector("c.d", 2),
                                                        2)))),
          std::string("\x01\x40\x01") + '\0' + "\x10host.example.org\x02\x03xyz",
          raw + "SSH-2.0-OpenSSH_9.2\r\n"};
}

}  // namespace workmux::fuzz
