# shellcheck shell=bash
# Sourced by tests/run: rootless Podman with the image of the tests.

# Settings of the test user's own account only. Debian's default runtime refuses
# a machine that mounts cgroup v1 and v2 side by side, runc does not; the native
# overlay driver starts a container ten times faster than the copying fallback.
configure_podman() { # storage driver
  local config="$WORKMUX_TEST_HOME/.config/containers"
  as_test_user mkdir -p "$config"
  # shellcheck disable=SC2016
  as_test_user sh -c 'printf "[storage]\ndriver = \"%s\"\n" "$3" >"$1/storage.conf"
    printf "[engine]\n%s\n" "$2" >"$1/containers.conf"' sh "$config" \
    "$([ ! -d /sys/fs/cgroup/unified ] || echo 'runtime = "runc"')" "$1"
}

# Imports the tarball of ensure_image into the store of the user of the tests.
ensure_podman_image() {
  local key
  key="$(image_key)"
  if [ "$(as_test_user podman image inspect -f '{{index .Config.Labels "workmux.test.key"}}' \
    "$TEST_IMAGE" 2>/dev/null)" != "$key" ]; then
    # shellcheck disable=SC2154  # set by image.sh
    as_test_user podman import "${import_args[@]}" --change "LABEL workmux.test.key=$key" \
      - "localhost/$TEST_IMAGE" <"$IMAGE_TARBALL" >/dev/null
  fi
}

podman_works() {
  ensure_podman_image >/dev/null 2>&1 &&
    as_test_user podman run --rm --network none "$TEST_IMAGE" true 2>/dev/null
}

prepare_podman() {
  if [ "$(id -u)" -eq 0 ]; then configure_podman overlay; fi
  if podman_works; then return; fi
  # No overlay on top of an overlay, as in a container.
  if [ "$(id -u)" -eq 0 ]; then
    as_test_user podman system reset --force >/dev/null 2>&1 || true
    configure_podman vfs
    if podman_works; then return; fi
  fi
  say "podman: does not run containers here; its tests will say so"
}
