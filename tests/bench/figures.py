"""The figures, by group: each returns the results that belong to it."""

from egress import one_stream, set_up
from egress_scale import idle_tunnels, mixed_load
from idle import idle_daemon
from inventory import list_containers
from queries import list_and_status, with_git
from sandboxes import (first_instruction_container, first_instruction_namespace, first_instruction_podman,
                       import_latency)
from statuses import set_status_guest, set_status_host
from windows import add_worktree

GROUPS = {
    "queries": list_and_status,
    "git": with_git,
    "status": set_status_host,
    "guest-status": set_status_guest,
    "add": add_worktree,
    "namespace": first_instruction_namespace,
    "container": first_instruction_container,
    "podman": first_instruction_podman,
    "inventory": list_containers,
    "import": import_latency,
    "egress-setup": set_up,
    "egress-stream": one_stream,
    "egress-idle": idle_tunnels,
    "egress-load": mixed_load,
    "idle": idle_daemon,
}
