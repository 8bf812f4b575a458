"""What the operator has to do in a cluster: the chart's roles give it this and nothing more, as a test compares."""

from __future__ import annotations

from preceptor_operator.names import GROUP, PLURAL, RAY_GROUP

RUNS: dict[tuple[str, str], frozenset[str]] = {
    (GROUP, PLURAL): frozenset({"get", "list", "watch", "delete"}),
    (GROUP, f"{PLURAL}/status"): frozenset({"patch"}),
    (RAY_GROUP, "rayjobs"): frozenset({"get", "list", "watch", "create", "patch", "delete"}),
    ("", "configmaps"): frozenset({"create", "patch"}),
    ("", "pods"): frozenset({"list", "watch"}),
    ("", "events"): frozenset({"create"}),
}
"""Verbs by API group and resource, where runs are. Applying needs ``patch``, and ``create`` for what is not there yet.
Secrets are not among them: pods mount those by name."""

LEASE: frozenset[str] = frozenset({"get", "create", "update"})
"""Verbs on the Lease, in its namespace."""
DRIVER: dict[tuple[str, str], frozenset[str]] = {(GROUP, f"{PLURAL}/status"): frozenset({"patch"})}
"""What a run's driver may do: say how it goes."""
