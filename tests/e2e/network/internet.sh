#!/bin/bash
# internet.sh DIR: an internet of the test's own, in network namespaces that end with
# this process. Servers with certificates of a test's authority (DIR/ca.pem) own public
# addresses in one; who wants to reach them enters the namespaces of this process, where
# the names are in /etc/hosts. Prints "ready". Needs no privileges; root's has no user
# namespace, in which its engines would not work.
set -euo pipefail
dir=$1

if [ -z "${INTERNET_INSIDE:-}" ]; then
  privileges=(--user --map-current-user --keep-caps)
  [ "$(id -u)" -ne 0 ] || privileges=()
  INTERNET_INSIDE=1 exec unshare "${privileges[@]}" --net --mount -- "$0" "$dir"
fi

make_certificates() {
  cd "$dir"
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 \
    -keyout ca.key -out ca.pem -subj "/CN=test authority" 2>/dev/null
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes \
    -keyout server.key -out server.csr -subj "/CN=server" 2>/dev/null
  openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 \
    -extfile <(printf 'subjectAltName=DNS:*.example.com,DNS:*.example.net,DNS:api.anthropic.com') -out server.pem 2>/dev/null
}

# The servers' side: a namespace whose only way is the wire to this one.
join_networks() {
  unshare --net -- sleep infinity &
  far=$!
  while [ "$(readlink "/proc/$far/ns/net")" = "$(readlink /proc/self/ns/net)" ]; do :; done
  ip link set lo up
  ip link add near type veth peer name far netns "$far"
  ip address add 93.184.216.1/24 dev near
  ip address add 10.77.0.1/24 dev near
  ip address add 2606:2800:220:1::1/64 dev near nodad
  ip link set near up
  in_far ip link set lo up
  in_far ip address add 93.184.216.34/24 dev far
  in_far ip address add 93.184.216.35/24 dev far
  in_far ip address add 10.77.0.2/24 dev far
  in_far ip address add 2606:2800:220:1::34/64 dev far nodad
  in_far ip link set far up
  # Where clouds tell a machine about itself.
  for address in 169.254.169.254/32 168.63.129.16/32 100.100.100.200/32; do
    in_far ip address add "$address" dev far
    ip route add "$address" dev near
  done
  in_far ip address add fd00:ec2::254/128 dev far nodad
  ip route add fd00:ec2::254/128 dev near
}
in_far() { nsenter --net="/proc/$far/ns/net" -- "$@"; }

name_hosts() {
  cat > "$dir/hosts" <<HOSTS
127.0.0.1 localhost
93.184.216.34 api.example.com
2606:2800:220:1::34 api.example.com
93.184.216.34 git.example.com
93.184.216.34 registry.example.com
93.184.216.34 api.anthropic.com
93.184.216.35 later.example.com
93.184.216.35 evil.example.net
10.77.0.2 inner.example.com
10.77.0.2 mirror.example.com
127.0.0.1 loop.example.com
93.184.216.1 own.example.com
169.254.169.254 metadata.example.com
168.63.129.16 azure.example.com
100.100.100.200 alibaba.example.com
fd00:ec2::254 aws.example.com
HOSTS
  mount --bind "$dir/hosts" /etc/hosts
  echo "nameserver 127.0.0.1" > "$dir/resolv.conf"
  mount --bind "$dir/resolv.conf" /etc/resolv.conf
}

# A registry of one package: its description, and its files (npm's package metadata).
make_package() {
  local tarball=wm-hello-1.0.0.tgz
  mkdir -p "$dir/www/-" "$dir/package"
  echo '{"name": "wm-hello", "version": "1.0.0", "main": "index.js"}' > "$dir/package/package.json"
  echo 'module.exports = "hello from the registry";' > "$dir/package/index.js"
  tar -C "$dir" -czf "$dir/www/-/$tarball" package
  cat > "$dir/www/wm-hello" <<JSON
{"name": "wm-hello", "dist-tags": {"latest": "1.0.0"}, "versions": {"1.0.0": {
  "name": "wm-hello", "version": "1.0.0", "dist": {
    "tarball": "https://registry.example.com/-/$tarball",
    "integrity": "sha512-$(openssl dgst -sha512 -binary "$dir/www/-/$tarball" | base64 -w0)"}}}}
JSON
}

make_certificates
make_package
join_networks
name_hosts
cd "$dir/www"
# serve PROGRAM NAME COMMAND...: a server where the command, which it takes the place of, puts it.
serve() {
  local program=$1 name=$2 server
  shift 2
  "$@" python3 "$(dirname "$0")/$program" "$dir" "$name" &
  server=$!
  servers+=("$server")
  while [ ! -e "$dir/$name" ]; do kill -0 "$server"; sleep 0.01; done
}
servers=()
trap 'kill "$far" "${servers[@]}" 2>/dev/null' EXIT
# One beside the daemon, which no sandbox may reach.
serve server.py near env
serve server.py far nsenter --net="/proc/$far/ns/net" --
serve names.py names env
echo "ready $$"
read -r _ || true
