# shellcheck shell=bash
# Sourced by tests/run: rootless Podman with the image of the tests.

# Settings of the test user's own account only. Debian's default runtime refuses
# a machine that mounts cgroup v1 and v2 side by side, runc does not; the native
# overlay driver starts a container ten times faster than the copying fallback.
configure_podman() {
  local config="$WORKMUX_TEST_HOME/.config/containers"
  as_test_user mkdir -p "$config"
  # shellcheck disable=SC2016
  as_test_user sh -c 'printf "[storage]\ndriver = \"overlay\"\n" >"$1/storage.conf"
    printf "[engine]\n%s\n" "$2" >"$1/containers.conf"' sh "$config" \
    "$([ ! -d /sys/fs/cgroup/unified ] || echo 'runtime = "runc"')"
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

prepare_podman() {
  if [ "$(id -u)" -eq 0 ]; then configure_podman; fi
  if ! ensure_podman_image || ! as_test_user podman run --rm --network none "$TEST_IMAGE" true; then
    say "podman: does not run containers here; its tests will say so"
  fi
}
