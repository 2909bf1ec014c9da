"""Proxies of the distribution, on loopback with settings of the benchmark's own."""

import shutil
import socket
import subprocess
import time

_TINYPROXY = """\
Port {port}
Listen 127.0.0.1
Timeout 600
MaxClients 2000
LogLevel Critical
LogFile "{directory}/tinyproxy.log"
ConnectPort 443
DisableViaHeader Yes
"""
_SQUID = """\
http_port 127.0.0.1:{port}
acl https port 443
http_access allow CONNECT https
http_access deny all
cache deny all
cache_mem 8 MB
access_log none
cache_log {directory}/squid.log
cache_store_log none
netdb_filename none
pid_filename none
pinger_enable off
coredump_dir {directory}
max_filedescriptors 16384
shutdown_lifetime 0 seconds
"""
# A plain TCP relay to one server: what splice(2) gives without a proxy's duties.
_HAPROXY = """\
global
  maxconn 4000
defaults
  mode tcp
  timeout connect 10s
  timeout client 600s
  timeout server 600s
  option splice-request
  option splice-response
frontend near
  bind 127.0.0.1:{port}
  default_backend far
backend far
  server server {upstream}
"""
_PATH = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin"


class Peer:
    """One of them; `where` is how the client names it (target.h)."""

    _settings = {"tinyproxy": _TINYPROXY, "squid": _SQUID, "haproxy": _HAPROXY}
    _arguments = {"tinyproxy": ("-d", "-c"), "squid": ("-N", "-f"), "haproxy": ("-db", "-f")}

    def __init__(self, name, stage, directory, port, upstream):
        self.name = name
        self._directory = directory
        config = directory / f"{name}.conf"
        config.write_text(self._settings[name].format(port=port, directory=directory, upstream=upstream))
        scheme = "" if name == "haproxy" else "http://"
        self.where = f"{scheme}127.0.0.1:{port}"
        self.process = stage.start([self.program(name), *self._arguments[name], str(config)],
                                   stdout=subprocess.DEVNULL, stderr=open(directory / f"{name}.err", "wb"))
        stage.wait_for_port(port, self.process, name)

    @staticmethod
    def program(name):
        return shutil.which(name, path=_PATH)

    @staticmethod
    def skipped(name):
        return f"{name} is not installed: apt-get install --no-install-recommends {name}"

    def close(self):
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

