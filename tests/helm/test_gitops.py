"""What Argo CD and Flux make of a Specialization in each state, and that the examples hang together."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from preceptor.spec.document import API_VERSION, KIND
from support.charts import CHART
from support.gitops import ARGOCD, FLUX, argo_health, flux_documents, flux_verdict

STATES: dict[str, tuple[set[str], tuple[str, str]]] = {
    "starting": ({"Reconciling"}, ("Progressing", "inProgress")),
    "running": (set(), ("Progressing", "current")),
    "complete": ({"Complete"}, ("Healthy", "current")),
    "complete without a dataset": ({"Complete", "BudgetExhausted"}, ("Healthy", "current")),
    "failed": ({"Failed"}, ("Degraded", "failed")),
    "stalled": ({"Stalled", "Reconciling"}, ("Degraded", "failed")),
    "suspended": ({"Suspended"}, ("Suspended", "current")),
    "waiting for approval": ({"AwaitingApproval"}, ("Suspended", "current")),
}
"""Conditions that hold, what Argo CD says, what Flux says (``inProgress``: it goes on waiting)."""

ALL = ("Complete", "Failed", "Suspended", "Reconciling", "Stalled", "BudgetExhausted", "AwaitingApproval")


def _object(holds: set[str], *, generation: int = 1, observed: int = 1, **status: Any) -> dict[str, Any]:
    conditions = [
        {
            "type": kind,
            "status": "True" if kind in holds else "False",
            "reason": f"Is{kind}",
            "message": f"about {kind}",
        }
        for kind in ALL
    ]
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"name": "run", "generation": generation},
        "status": {"observedGeneration": observed, "conditions": conditions} | status,
    }


@pytest.mark.parametrize("state", STATES)
def test_each_state_is_judged(state: str) -> None:
    holds, (argo, flux) = STATES[state]
    status, message = argo_health(_object(holds))
    assert status == argo
    if holds - {"Reconciling", "BudgetExhausted"}:
        assert message == f"about {next(kind for kind in ('Failed', 'Complete', 'Stalled', *ALL) if kind in holds)}"
    assert flux_verdict(_object(holds)) == (None if flux == "inProgress" else flux)


@pytest.mark.parametrize("state", STATES)
def test_what_was_said_of_an_older_spec_counts_no_more(state: str) -> None:
    older = _object(STATES[state][0], generation=3, observed=2)
    assert argo_health(older)[0] == "Progressing"
    assert flux_verdict(older) == "inProgress"


def test_an_object_that_nobody_has_seen_is_on_its_way() -> None:
    fresh = {"metadata": {"name": "run", "generation": 1}, "status": {"observedGeneration": 0}}
    assert argo_health(fresh)[0] == "Progressing"
    assert flux_verdict(fresh) == "inProgress"
    assert argo_health({"metadata": {"name": "run"}}) == ("Progressing", "Waiting for the operator")


def test_a_reason_stands_in_for_a_missing_message() -> None:
    silent = _object({"Failed"})
    for condition in silent["status"]["conditions"]:
        del condition["message"]
    assert argo_health(silent) == ("Degraded", "IsFailed")


def test_argo_tells_how_far_a_run_is() -> None:
    progress = {"attempt": 1, "phase": "searching", "iteration": 2, "iterations": 30, "stage": "training"}
    best = {"version": "v2", "selection": "65.9", "untrained": "0.0"}
    running = _object(set(), phase="Running", progress=progress, best=best)
    assert argo_health(running) == ("Progressing", "Running: iteration 2 of 30, training, best 65.9 %")


def test_the_examples_name_the_chart() -> None:
    application = yaml.safe_load((ARGOCD / "application.yaml").read_text(encoding="utf-8"))
    assert CHART.parents[1] / application["spec"]["source"]["path"] == CHART
    assert CHART.parents[1] / flux_documents()["HelmRelease"]["spec"]["chart"]["spec"]["chart"] == CHART


def test_the_flux_example_hangs_together() -> None:
    documents = flux_documents()
    source = documents["GitRepository"]["metadata"]["name"]
    kustomization, release = documents["Kustomization"]["spec"], documents["HelmRelease"]["spec"]
    assert kustomization["sourceRef"] == {"kind": "GitRepository", "name": source}
    assert release["chart"]["spec"]["sourceRef"] == {"kind": "GitRepository", "name": source}
    assert (CHART.parents[1] / kustomization["path"] / "kustomization.yaml").is_file()
    assert [documents["Namespace"]["metadata"]["name"]] == release["values"]["driver"]["namespaces"]
    (checks,) = kustomization["healthCheckExprs"]
    assert (checks["apiVersion"], checks["kind"]) == (API_VERSION, KIND)
    assert 'c.type == "Complete" && c.status == "True"' in FLUX.read_text(encoding="utf-8")
