# shellcheck shell=bash
# Sourced by tests/run: the ordinary user that the tests run as when root calls.

# Makes the user once: member of group docker, with id ranges for rootless
# containers (subuid(5)), and the runtime directory that a login would make.
ensure_test_user() { # name
  local name="$1" file
  export WORKMUX_TEST_USER="$name"
  touch /etc/subuid /etc/subgid
  getent passwd "$name" >/dev/null ||
    useradd --create-home --shell /bin/bash --comment "workmux tests" "$name"
  usermod --append --groups docker "$name"
  for file in subuid subgid; do
    grep -q "^$name:" "/etc/$file" || usermod "--add-${file}s" "$(free_id_range "/etc/$file")" "$name"
  done
  WORKMUX_TEST_HOME="$(getent passwd "$name" | cut -d: -f6)"
  WORKMUX_TEST_RUNTIME_DIR="/run/user/$(id -u "$name")"
  export WORKMUX_TEST_HOME WORKMUX_TEST_RUNTIME_DIR
  install -d -m 0755 /run/user
  install -d -m 0700 -o "$name" -g "$(id -g "$name")" "$WORKMUX_TEST_RUNTIME_DIR"
}

# 65536 ids behind every range of the file, the number that newuidmap(1) users expect.
free_id_range() { # file
  awk -F: '{ end = $2 + $3; if (end > top) top = end } END { if (top < 100000) top = 100000
    printf "%d-%d\n", top, top + 65535 }' "$1"
}

# True when the user of the tests can read the tree: a clone may lie below /root.
tree_is_readable() { # tree
  "$1/tests/env/as-test-user" test -r "$1/tests/run" 2>/dev/null
}
