# shellcheck shell=bash
# Sourced by tests/run: Podman with the image of the tests, rootless for the
# ordinary user of the tests and, when root calls, for root too. Each has settings
# and a store of its own (WORKMUX_TEST_PODMAN names the directory); no account's
# are touched.

# containers.conf(5), containers-storage.conf(5). Debian's default OCI runtime
# refuses a machine that mounts cgroup v1 and v2 side by side, runc does not; the
# native overlay driver starts a container ten times faster than the copying
# fallback. The run directories are fixed: a test has a runtime directory of its own.
write_podman_config() { # directory, storage driver, command that runs as its owner...
  local dir="$1" driver="$2"
  shift 2
  # shellcheck disable=SC2016
  "$@" sh -c 'mkdir -p "$1" && cd "$1" &&
    printf "[storage]\ndriver = \"%s\"\ngraphroot = \"%s/store\"\nrootless_storage_path = \"%s/store\"\nrunroot = \"%s/run\"\n" \
      "$2" "$1" "$1" "$1" >storage.conf &&
    printf "[engine]\n%s\ntmp_dir = \"%s/tmp\"\ncgroup_manager = \"cgroupfs\"\n[containers]\ndefault_ulimits = [\"nofile=%s:%s\", \"nproc=%s:%s\"]\n" \
      "$3" "$1" "$4" "$4" "$5" "$5" >containers.conf' sh "$dir" "$driver" \
    "$([ ! -d /sys/fs/cgroup/unified ] || echo 'runtime = "runc"')" \
    "$(limit_at_most "$(ulimit -Hn)" 16384)" "$(limit_at_most "$(ulimit -Hu)" 32768)"
}

# At or below the hard limit, above which the runtime cannot set it.
limit_at_most() { # hard limit, wanted
  if [ "$1" = unlimited ] || [ "$1" -gt "$2" ]; then echo "$2"; else echo "$1"; fi
}

podman_with() { # directory, command...
  local dir="$1"
  shift
  "$@" env CONTAINERS_CONF="$dir/containers.conf" CONTAINERS_STORAGE_CONF="$dir/storage.conf" podman "${PODMAN_ARGS[@]}"
}

# Imports the tarball of ensure_image into that store.
ensure_podman_image() { # directory, command...
  local key
  key="$(image_key)"
  PODMAN_ARGS=(image inspect -f '{{index .Config.Labels "workmux.test.key"}}' "$TEST_IMAGE")
  if [ "$(podman_with "$@" 2>/dev/null)" != "$key" ]; then
    # shellcheck disable=SC2154  # set by image.sh
    PODMAN_ARGS=(import "${import_args[@]}" --change "LABEL workmux.test.key=$key"
      - "localhost/$TEST_IMAGE")
    podman_with "$@" <"$IMAGE_TARBALL" >/dev/null
  fi
}

podman_works() { # directory, command...
  ensure_podman_image "$@" >/dev/null 2>&1 || return 1
  PODMAN_ARGS=(run --rm --network none "$TEST_IMAGE" true)
  podman_with "$@" 2>/dev/null
}

prepare_podman_of() { # directory, command that runs as its owner...
  local driver
  for driver in overlay vfs; do # no overlay on top of an overlay, as in a container
    write_podman_config "$1" "$driver" "${@:2}"
    if podman_works "$@"; then return; fi
    PODMAN_ARGS=(system reset --force)
    podman_with "$@" >/dev/null 2>&1 || true
  done
  say "podman: does not run containers here; its tests will say so"
}

prepare_podman() { # cache-folder
  export WORKMUX_TEST_PODMAN="$1/podman"
  if [ "$(id -u)" -eq 0 ]; then
    # What udev gives it; slirp4netns(1) needs it for everybody.
    [ ! -c /dev/net/tun ] || chmod 0666 /dev/net/tun
    prepare_podman_of "$WORKMUX_TEST_HOME/podman" as_test_user
  fi
  prepare_podman_of "$WORKMUX_TEST_PODMAN" env
}
