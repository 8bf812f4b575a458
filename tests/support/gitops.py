"""How Argo CD and Flux judge an object: the shipped Lua in Lua 5.1, the shipped CEL expressions in Flux's order."""

from __future__ import annotations

from typing import Any, Literal

import cel
import yaml
from lupa import lua51

from support.charts import ROOT

ARGOCD = ROOT / "helm" / "argocd"
FLUX = ROOT / "helm" / "flux" / "preceptor.yaml"

Verdict = Literal["inProgress", "failed", "current"]


def argo_health(obj: dict[str, Any]) -> tuple[str, str]:
    """Status and message by ``health.lua``; Argo CD's own Lua is 5.1 too, with few libraries."""
    runtime = lua51.LuaRuntime(unpack_returned_tuples=True)
    script = (ARGOCD / "health.lua").read_text(encoding="utf-8")
    run = runtime.eval(
        "function(text, value) io, os, require = nil; obj = value; return assert(loadstring(text))() end"
    )
    health = run(script, runtime.table_from(obj, recursive=True))
    return health["status"], health["message"]


def flux_documents() -> dict[str, dict[str, Any]]:
    """The objects of the Flux example, by kind."""
    found = yaml.safe_load_all(FLUX.read_text(encoding="utf-8"))
    return {document["kind"]: document for document in found}


def flux_verdict(obj: dict[str, Any]) -> Verdict | None:
    """The first expression that holds, as Flux evaluates them; ``None`` while it would go on waiting."""
    (checks,) = flux_documents()["Kustomization"]["spec"]["healthCheckExprs"]
    verdicts: tuple[Verdict, ...] = ("inProgress", "failed", "current")
    return next((verdict for verdict in verdicts if cel.evaluate(checks[verdict], obj) is True), None)


def kstatus(obj: dict[str, Any]) -> str:
    """How kstatus (cli-utils), and with it kubectl plugins and Flux by default, judges an object it has no rule for."""
    status = obj.get("status") or {}
    if obj["metadata"].get("deletionTimestamp"):
        return "Terminating"
    if status.get("observedGeneration", obj["metadata"]["generation"]) < obj["metadata"]["generation"]:
        return "InProgress"
    held = {each["type"]: each["status"] for each in status.get("conditions", [])}
    if held.get("Reconciling") == "True":
        return "InProgress"
    if held.get("Stalled") == "True":
        return "Failed"
    if held.get("Ready", "True") != "True":
        return "InProgress"
    return "Current"
