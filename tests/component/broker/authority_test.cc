#include "daemon/broker/authority.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/process/posix_command_runner.h"
#include "tests/support/catch.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace workmux::broker {
namespace {

using test::Must;

constexpr char kHost[] = "api.example.com";
const std::string kHttp11("\x08http/1.1", 9);
const std::string kHttp2("\x02h2", 3);

template <auto kFree>
struct Free {
  template <class T>
  void operator()(T* object) const {
    kFree(object);
  }
};
using Bio = std::unique_ptr<BIO, Free<&BIO_free>>;
using Context = std::unique_ptr<SSL_CTX, Free<&SSL_CTX_free>>;
using Ssl = std::unique_ptr<SSL, Free<&SSL_free>>;
using Certificate = std::unique_ptr<X509, Free<&X509_free>>;

Certificate ReadCertificate(const std::string& text) {
  const Bio bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  return Certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
}

std::string Text(X509* certificate) {
  const Bio bio(BIO_new(BIO_s_mem()));
  REQUIRE(PEM_write_bio_X509(bio.get(), certificate) == 1);
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

// A program inside that trusts the authority.
Context ClientOf(const Authority& authority) {
  Context client(SSL_CTX_new(TLS_client_method()));
  const Certificate certificate = ReadCertificate(authority.certificate());
  REQUIRE(certificate);
  REQUIRE(X509_STORE_add_cert(SSL_CTX_get_cert_store(client.get()), certificate.get()) == 1);
  SSL_CTX_set_verify(client.get(), SSL_VERIFY_PEER, nullptr);
  return client;
}

struct Greeting {
  bool ok = false;
  std::string client_error;
  std::string server_error;
  std::string protocol;     // of the application
  std::string certificate;  // the server's
};

// One step of a handshake; true when it is over.
bool Step(SSL* side, std::string& error) {
  ERR_clear_error();
  const int result = SSL_do_handshake(side);
  if (result == 1) return true;
  const int kind = SSL_get_error(side, result);
  if (kind == SSL_ERROR_WANT_READ || kind == SSL_ERROR_WANT_WRITE) return false;
  error = ERR_reason_error_string(ERR_peek_error());
  return true;
}

// Both sides in memory. `host`: what the client believes it speaks to.
Greeting Greet(SSL_CTX* server_context, SSL_CTX* client_context, const std::string& host) {
  BIO* near = nullptr;
  BIO* far = nullptr;
  REQUIRE(BIO_new_bio_pair(&near, 0, &far, 0) == 1);
  const Ssl server(SSL_new(server_context));
  const Ssl client(SSL_new(client_context));
  SSL_set_bio(server.get(), near, near);
  SSL_set_bio(client.get(), far, far);
  SSL_set_accept_state(server.get());
  SSL_set_connect_state(client.get());
  REQUIRE(SSL_set1_host(client.get(), host.c_str()) == 1);
  Greeting greeting;
  for (bool client_done = false, server_done = false; !client_done || !server_done;) {
    if (!client_done) client_done = Step(client.get(), greeting.client_error);
    if (!server_done) server_done = Step(server.get(), greeting.server_error);
    if (!greeting.server_error.empty() && !client_done)
      client_done = Step(client.get(), greeting.client_error);
    if (!greeting.server_error.empty() || !greeting.client_error.empty()) return greeting;
  }
  greeting.ok = true;
  const unsigned char* protocol = nullptr;
  unsigned int size = 0;
  SSL_get0_alpn_selected(client.get(), &protocol, &size);
  greeting.protocol.assign(reinterpret_cast<const char*>(protocol), size);
  const Certificate certificate(SSL_get1_peer_certificate(client.get()));
  greeting.certificate = Text(certificate.get());
  return greeting;
}

void Offer(SSL_CTX* client, const std::string& protocols) {
  REQUIRE(SSL_CTX_set_alpn_protos(client, reinterpret_cast<const unsigned char*>(protocols.data()),
                                  static_cast<unsigned int>(protocols.size())) == 0);
}

// The program openssl, and files for it.
class OpenSsl {
 public:
  std::string Write(const std::string& name, const std::string& text) {
    test::WriteFile(dir_ / name, text);
    return (dir_ / name).string();
  }
  CommandResult Run(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "openssl");
    Env env = CurrentEnv();
    env["OPENSSL_CONF"] = config_;
    return Must(runner_.Run({.argv = std::move(arguments), .cwd = dir_.path(), .env = env}, {}));
  }
  void Make(std::vector<std::string> arguments) {
    const CommandResult result = Run(std::move(arguments));
    INFO(result.err);
    REQUIRE(result.exit.ok());
  }
  // Empty: the certificate is good for the host.
  std::string Verify(const std::string& authority, const std::string& certificate,
                     std::vector<std::string> options) {
    options.insert(options.begin(), "verify");
    options.insert(options.end(),
                   {"-purpose", "sslserver", "-no-CApath", "-CAfile", authority, certificate});
    const CommandResult result = Run(std::move(options));
    return result.exit.ok() ? std::string() : result.out + result.err + "refused";
  }

 private:
  test::TempDir dir_;
  PosixCommandRunner runner_;
  std::string config_ = Write("openssl.cnf", "[req]\ndistinguished_name = dn\n[dn]\n");
};

class Variable {
 public:
  Variable(const char* name, const std::string& value) : name_(name) {
    if (const char* old = std::getenv(name)) old_ = old;
    ::setenv(name, value.c_str(), 1);
  }
  ~Variable() {
    if (old_) {
      ::setenv(name_, old_->c_str(), 1);
    } else {
      ::unsetenv(name_);
    }
  }

 private:
  const char* name_;
  std::optional<std::string> old_;
};

TEST_CASE("Authority: who trusts it accepts its hosts, and each under its own name", "[broker]") {
  const Authority authority = Must(Authority::Make({kHost, "models.example.com"}));
  const auto server = Must(authority.ServerFor(kHost));
  const Context client = ClientOf(authority);
  const Greeting greeting = Greet(server->native_handle(), client.get(), kHost);
  INFO(greeting.client_error << greeting.server_error);
  CHECK(greeting.ok);
  CHECK(greeting.protocol.empty());
  const Greeting other = Greet(server->native_handle(), client.get(), "models.example.com");
  CHECK_FALSE(other.ok);
  CHECK(other.client_error == "certificate verify failed");
  const auto second = Must(authority.ServerFor("models.example.com"));
  CHECK(Greet(second->native_handle(), client.get(), "models.example.com").ok);
}

TEST_CASE("Authority: another sandbox's is not trusted", "[broker]") {
  const Authority authority = Must(Authority::Make({kHost}));
  const Authority other = Must(Authority::Make({kHost}));
  const auto server = Must(other.ServerFor(kHost));
  CHECK_FALSE(Greet(server->native_handle(), ClientOf(authority).get(), kHost).ok);
  CHECK(Greet(server->native_handle(), ClientOf(other).get(), kHost).ok);
}

TEST_CASE("Authority: no hosts, or others than its own, are refused", "[broker]") {
  CHECK_CODE(Authority::Make({}), absl::StatusCode::kInvalidArgument);
  CHECK_CODE(Authority::Make({""}), absl::StatusCode::kInvalidArgument);
  const Authority authority = Must(Authority::Make({kHost}));
  CHECK_CODE(authority.ServerFor("other.example.com"), absl::StatusCode::kInvalidArgument);
  CHECK_CODE(authority.ServerFor("example.com"), absl::StatusCode::kInvalidArgument);
}

TEST_CASE("Authority: a host with a long name has a certificate too", "[broker]") {
  const std::string host = std::string(60, 'a') + "." + std::string(60, 'b') + ".example.com";
  const Authority authority = Must(Authority::Make({host}));
  const auto server = Must(authority.ServerFor(host));
  CHECK(Greet(server->native_handle(), ClientOf(authority).get(), host).ok);
}

// The key is stolen: what it signs for other names is worth nothing.
TEST_CASE("Authority: its key signs for no other host and for no address", "[broker]") {
  OpenSsl openssl;
  const Authority authority = Must(Authority::Make({kHost}));
  const std::string key = openssl.Write("key.pem", authority.ToText().Reveal());
  const std::string own = openssl.Write("own.pem", authority.certificate());
  // The control: an authority of the same key and name without constraints.
  const std::string plain = openssl.Write("plain.pem", "");
  openssl.Make({"req", "-x509", "-new", "-key", key, "-subj", "/CN=workmux sandbox", "-addext",
                "basicConstraints=critical,CA:TRUE", "-out", plain});
  struct Case {
    std::string name;
    std::vector<std::string> check;
    bool accepted;
  };
  for (const Case& one :
       {Case{"DNS:api.example.com", {"-verify_hostname", "api.example.com"}, true},
        Case{"DNS:evil.example.org", {"-verify_hostname", "evil.example.org"}, false},
        Case{"DNS:example.com", {"-verify_hostname", "example.com"}, false},
        Case{"DNS:api.example.com.evil.org",
             {"-verify_hostname", "api.example.com.evil.org"},
             false},
        Case{"DNS:*.example.com", {"-verify_hostname", "other.example.com"}, false},
        Case{"IP:192.0.2.1", {"-verify_ip", "192.0.2.1"}, false},
        Case{"IP:2001:db8::1", {"-verify_ip", "2001:db8::1"}, false},
        Case{"DNS:api.example.com,DNS:evil.example.org",
             {"-verify_hostname", "evil.example.org"},
             false}}) {
    INFO(one.name);
    const std::string leaf = openssl.Write("leaf.pem", "");
    openssl.Make({"req",
                  "-x509",
                  "-new",
                  "-newkey",
                  "ec",
                  "-pkeyopt",
                  "ec_paramgen_curve:P-256",
                  "-nodes",
                  "-keyout",
                  "leaf.key",
                  "-subj",
                  "/O=x",
                  "-CA",
                  key,
                  "-CAkey",
                  key,
                  "-addext",
                  "subjectAltName=" + one.name,
                  "-out",
                  leaf});
    CHECK(openssl.Verify(plain, leaf, one.check).empty());
    const std::string refused = openssl.Verify(own, leaf, one.check);
    INFO(refused);
    CHECK(refused.empty() == one.accepted);
    if (!one.accepted) CHECK(refused.find("subtree violation") != std::string::npos);
  }
}

TEST_CASE("Authority: its certificates satisfy strict verifiers and say what they are for",
          "[broker]") {
  OpenSsl openssl;
  const Authority authority = Must(Authority::Make({kHost, "b.example.com"}));
  const auto server = Must(authority.ServerFor(kHost));
  const Greeting greeting = Greet(server->native_handle(), ClientOf(authority).get(), kHost);
  REQUIRE(greeting.ok);
  const std::string own = openssl.Write("own.pem", authority.certificate());
  const std::string leaf = openssl.Write("leaf.pem", greeting.certificate);
  CHECK(openssl.Verify(own, leaf, {"-x509_strict", "-verify_hostname", kHost}).empty());

  const std::string text = openssl.Run({"x509", "-in", own, "-noout", "-text"}).out;
  INFO(text);
  for (const std::string part :
       {"Subject: CN = workmux sandbox\n", "X509v3 Basic Constraints: critical\n",
        "CA:TRUE, pathlen:0\n", "X509v3 Key Usage: critical\n", "Certificate Sign\n",
        "X509v3 Name Constraints: critical\n", "DNS:api.example.com\n", "DNS:b.example.com\n",
        "IP:0.0.0.0/0.0.0.0\n", "prime256v1"}) {
    INFO(part);
    CHECK(text.find(part) != std::string::npos);
  }
  const std::string leaf_text = openssl.Run({"x509", "-in", leaf, "-noout", "-text"}).out;
  INFO(leaf_text);
  for (const std::string part : {"CA:FALSE\n", "TLS Web Server Authentication\n",
                                 "DNS:api.example.com\n", "Digital Signature\n"}) {
    INFO(part);
    CHECK(leaf_text.find(part) != std::string::npos);
  }
  CHECK(leaf_text.find("b.example.com") == std::string::npos);
  // Valid since yesterday; the leaf not after 397 days, the authority longer.
  const auto valid = [&](const std::string& file, int days) {
    return openssl
        .Run({"x509", "-in", file, "-noout", "-checkend", std::to_string(days * 24 * 60 * 60)})
        .exit.ok();
  };
  CHECK(valid(leaf, 396));
  CHECK_FALSE(valid(leaf, 398));
  CHECK(valid(own, 3649));
  const auto yesterday = std::to_string(std::time(nullptr) - 23 * 60 * 60);
  CHECK(openssl.Verify(own, leaf, {"-attime", yesterday}).empty());
  CHECK_FALSE(
      openssl.Verify(own, leaf, {"-attime", std::to_string(std::time(nullptr) - 2 * 24 * 60 * 60)})
          .empty());
}

TEST_CASE("Authority: no TLS before 1.2", "[broker]") {
  const Authority authority = Must(Authority::Make({kHost}));
  const auto server = Must(authority.ServerFor(kHost));
  const Context client = ClientOf(authority);
  SSL_CTX_set_max_proto_version(client.get(), TLS1_2_VERSION);
  CHECK(Greet(server->native_handle(), client.get(), kHost).ok);
  SSL_CTX_set_min_proto_version(client.get(), TLS1_VERSION);
  SSL_CTX_set_max_proto_version(client.get(), TLS1_1_VERSION);
  REQUIRE(SSL_CTX_set_cipher_list(client.get(), "ALL:@SECLEVEL=0") == 1);
  CHECK_FALSE(Greet(server->native_handle(), client.get(), kHost).ok);
  // The control: a server that would take it.
  const Context old(SSL_CTX_new(TLS_server_method()));
  SSL_CTX_set_min_proto_version(old.get(), TLS1_VERSION);
  REQUIRE(SSL_CTX_set_cipher_list(old.get(), "ALL:@SECLEVEL=0") == 1);
  REQUIRE(SSL_CTX_use_certificate(old.get(), SSL_CTX_get0_certificate(server->native_handle())));
  REQUIRE(SSL_CTX_use_PrivateKey(old.get(), SSL_CTX_get0_privatekey(server->native_handle())));
  const Greeting control = Greet(old.get(), client.get(), kHost);
  INFO(control.client_error << control.server_error);
  CHECK(control.ok);
}

TEST_CASE("Authority: HTTP/1.1 is the only protocol", "[broker]") {
  const Authority authority = Must(Authority::Make({kHost}));
  const auto server = Must(authority.ServerFor(kHost));
  const Context client = ClientOf(authority);
  Offer(client.get(), kHttp2 + kHttp11);
  CHECK(Greet(server->native_handle(), client.get(), kHost).protocol == "http/1.1");
  Offer(client.get(), kHttp2);
  const Greeting refused = Greet(server->native_handle(), client.get(), kHost);
  CHECK_FALSE(refused.ok);
  CHECK(refused.client_error == "tlsv1 alert no application protocol");
}

TEST_CASE("Authority: the same one comes back from its text", "[broker]") {
  const Authority authority = Must(Authority::Make({kHost}));
  const Secret text = authority.ToText();
  const Authority again = Must(Authority::FromText(text));
  CHECK(again.certificate() == authority.certificate());
  CHECK(again.ToText().Matches(text.Reveal()));
  CHECK(authority.certificate().find("PRIVATE") == std::string::npos);
  const auto server = Must(again.ServerFor(kHost));
  CHECK(Greet(server->native_handle(), ClientOf(authority).get(), kHost).ok);
}

TEST_CASE("Authority: other text is none", "[broker]") {
  const Authority authority = Must(Authority::Make({kHost}));
  const Authority other = Must(Authority::Make({kHost}));
  const std::string text = authority.ToText().Reveal();
  const std::string key = text.substr(authority.certificate().size());
  OpenSsl openssl;
  const std::string file = openssl.Write("key.pem", text);
  openssl.Make({"req", "-x509", "-new", "-key", file, "-subj", "/CN=workmux sandbox", "-addext",
                "basicConstraints=critical,CA:TRUE", "-out", file + ".plain"});
  for (const std::string& wrong :
       {std::string(), std::string("garbage"), std::string(5000, '\0'), authority.certificate(),
        key, text + "more", text.substr(0, text.size() / 2), other.certificate() + key,
        test::ReadWholeFile(file + ".plain") + key}) {
    CHECK_CODE(Authority::FromText(Secret(wrong)), absl::StatusCode::kDataLoss);
  }
  CHECK(ERR_peek_error() == 0);
}

TEST_CASE("MakeClient: servers are verified by what this host trusts", "[broker]") {
  const Authority authority = Must(Authority::Make({kHost}));
  const auto server = Must(authority.ServerFor(kHost));
  const auto client = Must(MakeClient());
  const Greeting refused = Greet(server->native_handle(), client->native_handle(), kHost);
  CHECK_FALSE(refused.ok);
  CHECK(refused.client_error == "certificate verify failed");

  OpenSsl files;
  const Variable file("SSL_CERT_FILE", files.Write("trusted.pem", authority.certificate()));
  const auto trusting = Must(MakeClient());
  const Greeting greeting = Greet(server->native_handle(), trusting->native_handle(), kHost);
  CHECK(greeting.ok);
  CHECK(greeting.protocol == "http/1.1");
  CHECK_FALSE(Greet(server->native_handle(), trusting->native_handle(), "other.example.com").ok);
}

TEST_CASE("HostCertificates: the certificates of the file, and nothing else in it", "[broker]") {
  OpenSsl files;
  const Authority one = Must(Authority::Make({kHost}));
  const Authority two = Must(Authority::Make({kHost}));
  {
    const Variable file("SSL_CERT_FILE",
                        files.Write("bundle.pem", "# A comment\n" + one.ToText().Reveal() +
                                                      "# Another\n" + two.certificate()));
    CHECK(Must(HostCertificates()) == one.certificate() + two.certificate());
  }
  {
    const Variable file("SSL_CERT_FILE", files.Write("bundle.pem", "nothing\n"));
    CHECK_CODE(HostCertificates(), absl::StatusCode::kNotFound);
  }
  {
    const Variable file("SSL_CERT_FILE", "/nonexistent/bundle.pem");
    CHECK_CODE(HostCertificates(), absl::StatusCode::kNotFound);
  }
  const auto certificates = HostCertificates();
  if (!certificates.ok()) {
    std::puts("SKIPPED: this host has no certificates of authorities");
    return;
  }
  CHECK(ReadCertificate(*certificates));
}

}  // namespace
}  // namespace workmux::broker
