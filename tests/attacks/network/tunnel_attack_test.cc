// A hostile program that talks to the proxy: what it is given to read, and what it is
// sent through it.

#include "common/base/format.h"
#include "common/base/strings.h"
#include "tests/attacks/network/internet_stage.h"
#include "tests/support/catch.h"
#include "tests/support/tls_hello.h"

namespace workmux::test {
namespace {

using Catch::Contains;

constexpr char kGit[] = "    allowed_domains: [git.example.com]\n";

struct Form {
  std::string name;
  std::string bytes;
};

std::string HelloWith(const std::string& extensions, std::size_t record = 16384) {
  return TlsRecords(TlsHello(TlsVector(extensions, 2)), record);
}
std::string Named(const std::string& name) { return TlsNameExtension(name); }

// Of each the server takes another name than the one that was allowed, or none.
std::vector<Form> OtherHellos() {
  return {
      {"other", HelloWith(Named("evil.example.net"))},
      {"neighbour", HelloWith(Named("api.example.com"))},
      {"longer", HelloWith(Named("git.example.com.evil.example.net"))},
      {"before", HelloWith(Named("xgit.example.com"))},
      {"nameless", TlsRecords(TlsHello(""))},
      {"records", HelloWith(Named("evil.example.net"), 5)},
      {"outer", HelloWith(TlsExtension(0xfe0d, "secret") + Named("evil.example.net"))},
  };
}

std::vector<Form> NoHellos() {
  return {
      {"ssh", "SSH-2.0-OpenSSH_9.2\r\n"},
      {"http", "GET / HTTP/1.1\r\nHost: git.example.com\r\n\r\n"},
      {"connect", "CONNECT evil.example.net:443 HTTP/1.1\r\n\r\n"},
      {"names", HelloWith(Named("git.example.com") + Named("evil.example.net"))},
      {"alert", std::string("\x15\x03\x01\0\x02\x01\0", 7) + HelloWith(Named("git.example.com"))},
      {"old", std::string("\x80\x2e\x01\0\x02", 5) + std::string(43, 'x')},
  };
}

// Each of B's rules of reading, broken once; @BASIC@ is what the sandbox may say.
std::vector<Form> Requests() {
  const std::string auth = "Proxy-Authorization: Basic @BASIC@\r\n";
  const auto connect = [&](const std::string& target, const std::string& more = "") {
    return "CONNECT " + target + " HTTP/1.1\r\n" + auth + more + "\r\n";
  };
  const std::string host = "git.example.com:443";
  std::vector<Form> forms;
  for (const char* target : {"93.184.216.34:443",
                             "1572395042:443",
                             "0135.0270.0330.042:443",
                             "0x5db8d822:443",
                             "127.1:443",
                             "[2606:2800:220:1::34]:443",
                             "[fe80::1%25near]:443",
                             "[::ffff:127.0.0.1]:443",
                             "git.example.com:80",
                             "git.example.com:0443",
                             "git.example.com",
                             "git.example.com:443:443",
                             "evil.example.net@git.example.com:443",
                             "git.example.com..:443",
                             ".git.example.com:443",
                             "g\xc3\xadt.example.com:443",
                             "\xef\xbc\x91.1.1.1:443",
                             "evil.example.net:443",
                             "git.example.com%00.evil.example.net:443",
                             "https://git.example.com/"})
    forms.push_back({"target", connect(target)});
  forms.push_back({"nul", connect(std::string("git.example.com\0.evil.example.net:443", 38))});
  forms.push_back({"hosts", connect(host, "Host: git.example.com\r\nHost: git.example.com\r\n")});
  forms.push_back({"host", connect(host, "Host: evil.example.net\r\n")});
  forms.push_back({"length", connect(host, "Content-Length: 10\r\n")});
  forms.push_back({"chunks", connect(host, "Transfer-Encoding: chunked\r\n")});
  forms.push_back({"fold", connect(host, "X: a\r\n b\r\n")});
  forms.push_back({"bare", "CONNECT " + host + " HTTP/1.1\n" + auth + "\n"});
  forms.push_back({"get", "GET https://git.example.com/ HTTP/1.1\r\n" + auth + "\r\n"});
  forms.push_back({"h2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"});
  forms.push_back({"line", connect(host, "X: " + std::string(2000, 'a') + "\r\n")});
  std::string many;
  for (int i = 0; i < 70; ++i) many += Format("X-{}: y\r\n", i);
  forms.push_back({"many", connect(host, many)});
  std::string large;
  for (int i = 0; i < 20; ++i) large += Format("X-{}: {}\r\n", i, std::string(900, 'a'));
  forms.push_back({"large", connect(host, large)});
  forms.push_back({"nobody", "CONNECT " + host + " HTTP/1.1\r\n\r\n"});
  forms.push_back({"stranger", "CONNECT " + host +
                                   " HTTP/1.1\r\nProxy-Authorization: Basic d29ya211eDp4\r\n\r\n"});
  forms.push_back(
      {"scheme", "CONNECT " + host + " HTTP/1.1\r\nProxy-Authorization: Bearer @BASIC@\r\n\r\n"});
  return forms;
}

// One line of output for each form.
std::vector<std::string> Try(InternetStage& stage, const std::vector<Form>& forms,
                             const std::string& command, const std::string& allowed) {
  std::string script;
  for (std::size_t i = 0; i < forms.size(); ++i) {
    stage.Bring(Format("form{}", i), forms[i].bytes);
    script += Format("./attacker {} <form{}\n", command, i);
  }
  const std::string out = stage.Restricted(script, allowed);
  INFO(out);
  std::vector<std::string> lines = SplitLines(out);
  REQUIRE(lines.size() == forms.size());
  return lines;
}

// RFC 8446 6.2: the proxy's is unrecognized_name, the server's another.
bool IsServers(const std::string& line) {
  return line.starts_with("answered") || (line.starts_with("alert ") && line != "alert 112");
}

}  // namespace

// Control: the same hellos with `sni: off`, which the server answers; its own answer to what is no
// TLS.
TEST_CASE("Attack N10: only a hello for the host that was allowed reaches it",
          "[attack][N10][namespace][docker][podman][podman_root][docker_firewall]") {
  for (const Environment& environment : EnvironmentsInInternet()) {
    InternetStage stage(environment);
    const std::vector<Form> own = {{"own", HelloWith(Named("git.example.com"))},
                                   {"case", HelloWith(Named("GIT.example.COM"))},
                                   {"records", HelloWith(Named("git.example.com"), 7)}};
    for (const std::string pieces : {"", " 3"}) {
      const std::string tunnel = "tunnel git.example.com" + pieces;
      for (const std::string& line : Try(stage, own, tunnel, kGit)) CHECK(IsServers(line));
      for (const std::string& line : Try(stage, OtherHellos(), tunnel, kGit))
        CHECK(line == "alert 112");
      for (const std::string& line : Try(stage, NoHellos(), tunnel, kGit)) CHECK(line == "cut");
    }
    const std::string off = std::string(kGit) + "    sni: \"off\"\n";
    for (const std::string& line : Try(stage, OtherHellos(), "tunnel git.example.com", off))
      CHECK(IsServers(line));
    CHECK(stage.internet
              .Run({"bash", "-c",
                    "exec 3<>/dev/tcp/93.184.216.34/443; echo SSH-2.0 >&3; head -n 1 <&3"})
              .out == "plain\n");
  }
}

// Control: the request that each of them is a change of, which opens a tunnel.
TEST_CASE("Attack N12: no request that is malformed, too large or somebody else's opens a tunnel",
          "[attack][N12][namespace][docker][podman][podman_root][docker_firewall]") {
  for (const Environment& environment : EnvironmentsInInternet()) {
    InternetStage stage(environment);
    const std::vector<Form> proper = {
        {"proper",
         "CONNECT git.example.com:443 HTTP/1.1\r\nHost: git.example.com\r\n"
         "Proxy-Authorization: Basic @BASIC@\r\n\r\n"}};
    CHECK_THAT(Try(stage, proper, "say", kGit)[0], Contains("HTTP/1.1 200"));
    const std::vector<Form> forms = Requests();
    const std::vector<std::string> lines = Try(stage, forms, "say", kGit);
    for (std::size_t i = 0; i < forms.size(); ++i) {
      INFO(forms[i].name << ": " << Printable(forms[i].bytes.substr(0, 80)) << ": " << lines[i]);
      CHECK(lines[i].starts_with("HTTP/1.1 4"));
      const bool read = lines[i].find("host-not-allowed") != std::string::npos;
      CHECK(read == (forms[i].bytes.find("CONNECT evil.example.net:443") == 0));
    }
    CHECK_THAT(Try(stage, proper, "say", kGit)[0], Contains("HTTP/1.1 200"));
  }
}

// Control: the sandbox's own token in the same request.
TEST_CASE("Attack N7: another sandbox's token opens nothing",
          "[attack][N7][namespace][docker][podman][podman_root][docker_firewall]") {
  for (const Environment& environment : EnvironmentsInInternet()) {
    INFO(environment.name);
    InternetStage stage(environment);
    stage.world.SetConfig(stage.RestrictedConfig(kGit));
    const auto other = stage.StartInside("echo \"proxy $HTTPS_PROXY .\"; exec sleep 600");
    INFO(other->err());
    REQUIRE(other->Prints(" .\n"));
    const std::string out = other->out();
    const std::string proxy = Split(out.substr(out.find("proxy ")), ' ').at(1);
    const std::string hello = "printf x | ";
    // With the other's token at the sandbox's own listener: behind a firewall the other's
    // cannot even be asked.
    const std::string tried = stage.Restricted(
        "other=" + proxy + "\n" + hello + "./attacker tunnel git.example.com\n" + hello +
            "HTTPS_PROXY=${other%@*}@${HTTPS_PROXY#*@} ./attacker tunnel git.example.com\n",
        kGit);
    CHECK(tried == "cut\nrefused 407 bad-credentials\n");
  }
}

// Control: a server beside the daemon, which the same look finds.
TEST_CASE("Attack N7: the daemon listens on no address that another machine has",
          "[attack][N7][namespace][docker][podman][podman_root][docker_firewall]") {
  for (const Environment& environment : EnvironmentsInInternet()) {
    INFO(environment.name);
    InternetStage stage(environment);
    stage.world.SetConfig(stage.RestrictedConfig(kGit));
    const auto sandbox = stage.StartInside("echo started; exec sleep 600");
    INFO(sandbox->err());
    REQUIRE(sandbox->Prints("started"));
    // Address and owner of each socket that listens.
    const std::string listening =
        stage.internet.Run({"sh", "-c", "ss -Hltnp | awk '{ print $4, $6 }'"}).out;
    INFO(listening);
    int servers = 0;
    for (const std::string& line : SplitLines(listening)) {
      if (line.find(":443 ") != std::string::npos) ++servers;
      if (line.find("workmuxd") == std::string::npos) continue;
      // Docker's bridge is an address of this machine's containers alone.
      const bool bridge = !environment.isolated() && line.starts_with("172.17.0.1:");
      CHECK((bridge || line.starts_with("127.0.0.1:")));
    }
    CHECK(servers == 1);
    // Isolated sandboxes have no listener but a socket.
    CHECK((listening.find("172.17.0.1:") != std::string::npos) == !environment.isolated());
  }
}

// Control: a program beside the daemon, which each of them answers.
TEST_CASE("Attack N5: no cloud's metadata service is reached, by its address or a name for it",
          "[attack][N5][namespace][docker][podman][podman_root][docker_firewall]") {
  const std::vector<std::string> hosts = {"metadata", "azure", "alibaba", "aws"};
  const std::vector<std::string> addresses = {"169.254.169.254", "168.63.129.16", "100.100.100.200",
                                              "fd00:ec2::254"};
  std::string allowed = "    allowed_domains:\n";
  std::string script;
  for (const std::string& host : hosts) {
    allowed += Format("      - {{host: {}.example.com, allow_private_ips: true}}\n", host);
    script += Format("./attacker tunnel {}.example.com </dev/null\n", host);
  }
  for (const std::string& address : addresses)
    script += Format("./attacker reach {0} 443; ./attacker reach {0} 80\n", address);
  for (const Environment& environment : EnvironmentsInInternet()) {
    INFO(environment.name);
    InternetStage stage(environment);
    const std::string out = stage.Restricted(script, allowed);
    INFO(out);
    CHECK(CountLines(out, "refused 403 forbidden-address") == static_cast<int>(hosts.size()));
    CHECK(CountLines(out, "reached") == 0);
    for (const std::string& address : addresses)
      CHECK(stage.internet.Run({stage.attacker(), "reach", address, "443"}).out == "reached\n");
  }
}

// Control: a program beside the daemon, which its server answers at each of these addresses.
TEST_CASE("Attack N16: the daemon's own host is not reached by a name for it",
          "[attack][N16][namespace][docker][podman][podman_root][docker_firewall]") {
  const std::string allowed =
      "    allowed_domains:\n      - {host: own.example.com, allow_private_ips: true}\n"
      "      - {host: loop.example.com, allow_private_ips: true}\n";
  for (const Environment& environment : EnvironmentsInInternet()) {
    INFO(environment.name);
    InternetStage stage(environment);
    CHECK(stage.Restricted(
              "for h in own loop; do ./attacker tunnel $h.example.com </dev/null; done", allowed) ==
          "refused 403 address-of-this-host\nrefused 403 forbidden-address\n");
    for (const char* address : {"93.184.216.1", "127.0.0.1", "10.77.0.1"})
      CHECK(stage.internet.Run({stage.attacker(), "reach", address, "443"}).out == "reached\n");
  }
}

}  // namespace workmux::test
