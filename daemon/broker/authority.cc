#include "daemon/broker/authority.h"

#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <array>
#include <cstdlib>
#include <string_view>
#include <utility>

#include "common/base/status.h"
#include "common/io/file.h"

namespace workmux::broker {
namespace {

constexpr char kName[] = "workmux sandbox";
constexpr int kSerialBits = 128;
constexpr long kVersion3 = 2;
constexpr long kDay = 24 * 60 * 60;  // seconds
// A clock inside may be a little behind this one.
constexpr int kDaysBefore = -1;
constexpr int kAuthorityDays = 3650;
// With the day before, what clients accept at most: 398 days (CA/Browser Forum, Baseline
// Requirements 6.3.2, before its shorter limits for public authorities).
constexpr int kLeafDays = 397;
constexpr std::size_t kMaxCommonName = 64;  // RFC 5280 A.1, ub-common-name
constexpr std::size_t kMaxBundle = 16u << 20;
// RFC 7301 6: length and name of each protocol.
constexpr unsigned char kHttp11[] = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};

// Go's crypto/x509, root_linux.go.
constexpr auto kBundles = std::to_array<const char*>({
    "/etc/ssl/certs/ca-certificates.crt",                 // Debian, Ubuntu, Gentoo
    "/etc/pki/tls/certs/ca-bundle.crt",                   // Fedora
    "/etc/ssl/ca-bundle.pem",                             // openSUSE
    "/etc/pki/tls/cacert.pem",                            // OpenELEC
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",  // CentOS, RHEL
    "/etc/ssl/cert.pem",                                  // Alpine
});

template <auto kFree>
struct Free {
  template <class T>
  void operator()(T* object) const {
    kFree(object);
  }
};
using BioPtr = std::unique_ptr<BIO, Free<&BIO_free_all>>;
using CertificatePtr = std::unique_ptr<X509, Free<&X509_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, Free<&EVP_PKEY_free>>;
using ExtensionPtr = std::unique_ptr<X509_EXTENSION, Free<&X509_EXTENSION_free>>;
using NumberPtr = std::unique_ptr<BIGNUM, Free<&BN_free>>;
using GeneralNamePtr = std::unique_ptr<GENERAL_NAME, Free<&GENERAL_NAME_free>>;
using GeneralNamesPtr = std::unique_ptr<GENERAL_NAMES, Free<&GENERAL_NAMES_free>>;
using SubtreePtr = std::unique_ptr<GENERAL_SUBTREE, Free<&GENERAL_SUBTREE_free>>;
using ConstraintsPtr = std::unique_ptr<NAME_CONSTRAINTS, Free<&NAME_CONSTRAINTS_free>>;
using ContextPtr = std::unique_ptr<SSL_CTX, Free<&SSL_CTX_free>>;

// What OpenSSL says about the call that failed; its queue is empty afterwards.
absl::Status SslError(std::string_view what) {
  const unsigned long error = ERR_get_error();
  ERR_clear_error();
  const char* text = error == 0 ? nullptr : ERR_reason_error_string(error);
  return Internal("{}: {}", what, std::string_view(text == nullptr ? "unknown error" : text));
}

absl::StatusOr<KeyPtr> MakeKey() {
  KeyPtr key(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"));
  if (!key) return SslError("a key cannot be made");
  return key;
}

bool SetSerial(X509* certificate) {
  const NumberPtr number(BN_new());
  return number && BN_rand(number.get(), kSerialBits, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) == 1 &&
         BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) != nullptr;
}

bool SetCommonName(X509* certificate, const std::string& name) {
  return X509_NAME_add_entry_by_NID(X509_get_subject_name(certificate), NID_commonName,
                                    MBSTRING_UTF8,
                                    reinterpret_cast<const unsigned char*>(name.data()),
                                    static_cast<int>(name.size()), -1, 0) == 1;
}

bool SetValidity(X509* certificate, int days) {
  return X509_gmtime_adj(X509_getm_notBefore(certificate), kDaysBefore * kDay) != nullptr &&
         X509_time_adj_ex(X509_getm_notAfter(certificate), days, 0, nullptr) != nullptr;
}

// `value` as x509v3_config(5) has it: text of ours alone.
bool AddExtension(X509* certificate, X509* issuer, int nid, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const ExtensionPtr extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value));
  return extension && X509_add_ext(certificate, extension.get(), -1) == 1;
}

GeneralNamePtr DnsName(const std::string& host) {
  GeneralNamePtr name(GENERAL_NAME_new());
  ASN1_IA5STRING* text = ASN1_IA5STRING_new();
  if (name) GENERAL_NAME_set0_value(name.get(), GEN_DNS, text);
  const bool set = name && text != nullptr &&
                   ASN1_STRING_set(text, host.data(), static_cast<int>(host.size())) == 1;
  if (!name) ASN1_IA5STRING_free(text);
  return set ? std::move(name) : nullptr;
}

// Every address of a family: address and mask of zeros, RFC 5280 4.2.1.10.
GeneralNamePtr EveryAddress(std::size_t bytes) {
  const std::string zeros(2 * bytes, '\0');
  GeneralNamePtr name(GENERAL_NAME_new());
  ASN1_OCTET_STRING* text = ASN1_OCTET_STRING_new();
  if (name) GENERAL_NAME_set0_value(name.get(), GEN_IPADD, text);
  const bool set = name && text != nullptr &&
                   ASN1_STRING_set(text, zeros.data(), static_cast<int>(zeros.size())) == 1;
  if (!name) ASN1_OCTET_STRING_free(text);
  return set ? std::move(name) : nullptr;
}

bool AddSubtree(STACK_OF(GENERAL_SUBTREE) * &subtrees, GeneralNamePtr name) {
  if (subtrees == nullptr) subtrees = sk_GENERAL_SUBTREE_new_null();
  SubtreePtr subtree(GENERAL_SUBTREE_new());
  if (!name || !subtree || subtrees == nullptr) return false;
  GENERAL_NAME_free(subtree->base);
  subtree->base = name.release();
  if (sk_GENERAL_SUBTREE_push(subtrees, subtree.get()) == 0) return false;
  (void)subtree.release();
  return true;
}

bool AddConstraints(X509* certificate, const std::vector<std::string>& hosts) {
  const ConstraintsPtr constraints(NAME_CONSTRAINTS_new());
  if (!constraints) return false;
  for (const std::string& host : hosts) {
    if (!AddSubtree(constraints->permittedSubtrees, DnsName(host))) return false;
  }
  return AddSubtree(constraints->excludedSubtrees, EveryAddress(4)) &&
         AddSubtree(constraints->excludedSubtrees, EveryAddress(16)) &&
         X509_add1_ext_i2d(certificate, NID_name_constraints, constraints.get(), /*crit=*/1,
                           X509V3_ADD_DEFAULT) == 1;
}

bool AddHost(X509* certificate, const std::string& host) {
  const GeneralNamesPtr names(GENERAL_NAMES_new());
  GeneralNamePtr name = DnsName(host);
  if (!names || !name || sk_GENERAL_NAME_push(names.get(), name.get()) == 0) return false;
  (void)name.release();
  return X509_add1_ext_i2d(certificate, NID_subject_alt_name, names.get(), /*crit=*/0,
                           X509V3_ADD_DEFAULT) == 1;
}

// Without extensions and signature.
absl::StatusOr<CertificatePtr> Blank(EVP_PKEY* key, const std::string& name, int days) {
  CertificatePtr certificate(X509_new());
  if (!certificate || X509_set_version(certificate.get(), kVersion3) != 1 ||
      !SetSerial(certificate.get()) || !SetCommonName(certificate.get(), name) ||
      !SetValidity(certificate.get(), days) || X509_set_pubkey(certificate.get(), key) != 1) {
    return SslError("a certificate cannot be made");
  }
  return certificate;
}

absl::StatusOr<CertificatePtr> MakeAuthority(EVP_PKEY* key, const std::vector<std::string>& hosts) {
  WM_ASSIGN_OR_RETURN(CertificatePtr certificate, Blank(key, kName, kAuthorityDays));
  X509* made = certificate.get();
  // The key's identifier is for verifiers that insist on RFC 5280 (X509_V_FLAG_X509_STRICT,
  // which Python sets).
  if (X509_set_issuer_name(made, X509_get_subject_name(made)) != 1 ||
      !AddExtension(made, made, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") ||
      !AddExtension(made, made, NID_key_usage, "critical,keyCertSign") ||
      !AddExtension(made, made, NID_subject_key_identifier, "hash") ||
      !AddConstraints(made, hosts) || X509_sign(made, key, EVP_sha256()) == 0) {
    return SslError("an authority cannot be made");
  }
  return certificate;
}

absl::StatusOr<CertificatePtr> MakeLeaf(EVP_PKEY* key, const std::string& host, X509* authority,
                                        EVP_PKEY* authority_key) {
  // A name of its own: one like the authority's would be self-issued, RFC 5280 6.1.
  const std::string name = host.size() > kMaxCommonName ? "workmux host" : host;
  WM_ASSIGN_OR_RETURN(CertificatePtr certificate, Blank(key, name, kLeafDays));
  X509* made = certificate.get();
  if (X509_set_issuer_name(made, X509_get_subject_name(authority)) != 1 ||
      !AddExtension(made, authority, NID_basic_constraints, "critical,CA:FALSE") ||
      !AddExtension(made, authority, NID_key_usage, "critical,digitalSignature") ||
      !AddExtension(made, authority, NID_ext_key_usage, "serverAuth") ||
      !AddExtension(made, authority, NID_subject_key_identifier, "hash") ||
      !AddExtension(made, authority, NID_authority_key_identifier, "keyid:always") ||
      !AddHost(made, host) || X509_sign(made, authority_key, EVP_sha256()) == 0) {
    return SslError("a certificate cannot be made");
  }
  return certificate;
}

BioPtr Reader(std::string_view text) {
  return BioPtr(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

std::string Content(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return size > 0 ? std::string(data, static_cast<std::size_t>(size)) : std::string();
}

// For files with a password, which ours are not: OpenSSL would ask at the terminal.
int NoPassword(char* /*buffer*/, int /*size*/, int /*writes*/, void* /*data*/) { return -1; }

// TLS 1.2 and later, as little state and as few features as it goes.
ContextPtr MakeContext(const SSL_METHOD* method) {
  ContextPtr context(SSL_CTX_new(method));
  if (!context || SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION) != 1) return nullptr;
  SSL_CTX_set_options(context.get(), SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
                                         SSL_OP_NO_TICKET | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS);
  return context;
}

std::shared_ptr<asio::ssl::context> Shared(ContextPtr context) {
  return std::make_shared<asio::ssl::context>(context.release());
}

// Called when the client offers protocols at all.
int SelectProtocol(SSL* /*ssl*/, const unsigned char** selected, unsigned char* size,
                   const unsigned char* offered, unsigned int offered_size, void* /*data*/) {
  unsigned char* found = nullptr;
  if (SSL_select_next_proto(&found, size, kHttp11, sizeof kHttp11, offered, offered_size) !=
      OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  }
  *selected = found;
  return SSL_TLSEXT_ERR_OK;
}

// The certificates alone: such a file may hold comments, and a careless one a key.
std::string CertificatesIn(std::string_view text) {
  constexpr std::string_view kBegin = "-----BEGIN CERTIFICATE-----";
  constexpr std::string_view kEnd = "-----END CERTIFICATE-----";
  std::string certificates;
  for (;;) {
    const auto begin = text.find(kBegin);
    if (begin == std::string_view::npos) return certificates;
    const auto end = text.find(kEnd, begin);
    if (end == std::string_view::npos) return certificates;
    certificates.append(text.substr(begin, end - begin)).append(kEnd).append("\n");
    text.remove_prefix(end + kEnd.size());
  }
}

// kNotFound when there is no such file, or no certificate in it.
absl::StatusOr<std::string> ReadBundle(const std::string& path) {
  WM_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, kMaxBundle));
  std::string certificates = CertificatesIn(text);
  if (certificates.empty()) return NotFound("{}: holds no certificate", path);
  return certificates;
}

}  // namespace

struct Authority::Parts {
  CertificatePtr certificate;
  KeyPtr key;
  std::string public_text;
  Secret text;

  static absl::StatusOr<std::shared_ptr<const Parts>> Of(CertificatePtr certificate, KeyPtr key) {
    const BioPtr bio(BIO_new(BIO_s_mem()));  // wipes what it frees
    auto parts = std::make_shared<Parts>();
    if (!bio || PEM_write_bio_X509(bio.get(), certificate.get()) != 1)
      return SslError("a certificate cannot be written");
    parts->public_text = Content(bio.get());
    if (PEM_write_bio_PrivateKey(bio.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) != 1)
      return SslError("a key cannot be written");
    parts->text = Secret(Content(bio.get()));
    parts->certificate = std::move(certificate);
    parts->key = std::move(key);
    return parts;
  }
};

absl::StatusOr<Authority> Authority::Make(const std::vector<std::string>& hosts) {
  // Without a permitted name every name would be.
  if (hosts.empty()) return InvalidArgument("an authority needs hosts");
  for (const std::string& host : hosts) {
    if (host.empty() || host.front() == '.') return InvalidArgument("\"{}\" is no host", host);
  }
  WM_ASSIGN_OR_RETURN(KeyPtr key, MakeKey());
  WM_ASSIGN_OR_RETURN(CertificatePtr certificate, MakeAuthority(key.get(), hosts));
  WM_ASSIGN_OR_RETURN(auto parts, Parts::Of(std::move(certificate), std::move(key)));
  return Authority(std::move(parts));
}

absl::StatusOr<Authority> Authority::FromText(const Secret& text) {
  const BioPtr bio = Reader(text.Reveal());
  CertificatePtr certificate(bio ? PEM_read_bio_X509(bio.get(), nullptr, &NoPassword, nullptr)
                                 : nullptr);
  KeyPtr key(certificate ? PEM_read_bio_PrivateKey(bio.get(), nullptr, &NoPassword, nullptr)
                         : nullptr);
  const bool fits = certificate && key &&
                    X509_check_private_key(certificate.get(), key.get()) == 1 &&
                    X509_check_ca(certificate.get()) == 1 &&
                    X509_get_ext_by_NID(certificate.get(), NID_name_constraints, -1) >= 0;
  ERR_clear_error();
  if (!fits) return DataLoss("this is no authority of a sandbox");
  WM_ASSIGN_OR_RETURN(auto parts, Parts::Of(std::move(certificate), std::move(key)));
  if (!parts->text.Matches(text.Reveal())) return DataLoss("this is no authority of a sandbox");
  return Authority(std::move(parts));
}

Secret Authority::ToText() const { return parts_->text; }

std::string Authority::certificate() const { return parts_->public_text; }

absl::StatusOr<std::shared_ptr<asio::ssl::context>> Authority::ServerFor(
    const std::string& host) const {
  WM_ASSIGN_OR_RETURN(const KeyPtr key, MakeKey());
  WM_ASSIGN_OR_RETURN(const CertificatePtr leaf,
                      MakeLeaf(key.get(), host, parts_->certificate.get(), parts_->key.get()));
  const ConstraintsPtr constraints(static_cast<NAME_CONSTRAINTS*>(
      X509_get_ext_d2i(parts_->certificate.get(), NID_name_constraints, nullptr, nullptr)));
  // Its names are looked at once they have been read: -1 stands for no purpose.
  if (!constraints || X509_check_purpose(leaf.get(), -1, 0) != 1 ||
      NAME_CONSTRAINTS_check(leaf.get(), constraints.get()) != X509_V_OK)
    return InvalidArgument("the authority is not for {}", host);
  ContextPtr context = MakeContext(TLS_server_method());
  if (!context || SSL_CTX_use_certificate(context.get(), leaf.get()) != 1 ||
      SSL_CTX_use_PrivateKey(context.get(), key.get()) != 1 ||
      SSL_CTX_set_num_tickets(context.get(), 0) != 1) {
    return SslError("TLS cannot be set up");
  }
  SSL_CTX_set_alpn_select_cb(context.get(), &SelectProtocol, nullptr);
  return Shared(std::move(context));
}

absl::StatusOr<std::shared_ptr<asio::ssl::context>> MakeClient() {
  ContextPtr context = MakeContext(TLS_client_method());
  if (!context || SSL_CTX_set_default_verify_paths(context.get()) != 1 ||
      SSL_CTX_set_alpn_protos(context.get(), kHttp11, sizeof kHttp11) != 0) {
    return SslError("TLS cannot be set up");
  }
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  return Shared(std::move(context));
}

absl::StatusOr<std::string> HostCertificates() {
  // As OpenSSL reads it: not in a program with more rights than its caller.
  const char* named = ::secure_getenv(X509_get_default_cert_file_env());
  // A file that somebody chose stands alone, there or not.
  if (named != nullptr) {
    auto chosen = ReadBundle(named);
    if (!chosen.ok()) return Annotate(chosen.status(), X509_get_default_cert_file_env());
    return chosen;
  }
  auto found = ReadBundle(X509_get_default_cert_file());
  for (const char* path : kBundles) {
    if (!absl::IsNotFound(found.status())) return found;
    found = ReadBundle(path);
  }
  if (!absl::IsNotFound(found.status())) return found;
  return WithHint(NotFound("this host has no certificates of authorities"),
                  "Install the package ca-certificates.");
}

}  // namespace workmux::broker
