"""Unmodified kubectl against the test API server: it behaves as tests of the operator need it to."""

import json
from typing import Any

import pytest

from support.apiserver.api import Api
from support.charts import ROOT
from support.kubectl import Kubectl

QUICKSTART = str(ROOT / "specs" / "quickstart.yaml")


def good(done: Any) -> str:
    assert done.returncode == 0, done.stderr
    return str(done.stdout)


def test_a_shipped_document_is_applied_read_explained_and_deleted(kubectl: Kubectl) -> None:
    assert "specialization.preceptor.dev/quickstart created" in good(kubectl("apply", "-f", QUICKSTART))
    # Defaults within lists make kubectl patch what is there already, and the server finds it the same.
    good(kubectl("apply", "-f", QUICKSTART))
    assert good(kubectl("get", "spz", "quickstart", "-o", "jsonpath={.metadata.generation}")) == "1"
    header, row = good(kubectl("get", "spz")).splitlines()
    assert header.split() == ["NAME", "PHASE", "ITERATION", "BEST", "GAIN", "SPENT", "AGE"]
    assert row.startswith("quickstart")
    assert "quickstart" in good(kubectl("get", "all"))
    assert good(kubectl("get", "spz", "quickstart", "-o", "jsonpath={.status.observedGeneration}")) == "0"
    assert "iterations" in good(kubectl("explain", "spz.spec.budget"))
    assert good(kubectl("diff", "-f", QUICKSTART)) == ""
    larger = (ROOT / "specs" / "quickstart.yaml").read_text().replace("iterations: 3", "iterations: 4")
    assert "+    iterations: 4" in kubectl("diff", "-f", "-", stdin=larger).stdout
    good(kubectl("delete", "spz", "quickstart"))
    assert "NotFound" in kubectl("get", "spz", "quickstart").stderr


def test_what_is_unknown_or_breaks_a_rule_is_refused_with_its_path(kubectl: Kubectl) -> None:
    text = (ROOT / "specs" / "quickstart.yaml").read_text()
    typo = kubectl("apply", "-f", "-", stdin=text.replace("iterations:", "iteration:", 1))
    assert typo.returncode != 0
    assert "spec.budget.iteration" in typo.stderr
    good(kubectl("apply", "-f", "-", stdin=text))
    other = kubectl("patch", "spz", "quickstart", "--type=merge", "-p", '{"spec": {"seed": 7}}')
    assert other.returncode != 0
    assert "belongs to the run's identity" in other.stderr
    smaller = kubectl("patch", "spz", "quickstart", "--type=merge", "-p", '{"spec": {"budget": {"iterations": 1}}}')
    assert "may only grow" in smaller.stderr


def test_status_is_written_apart_and_waited_for(kubectl: Kubectl) -> None:
    good(kubectl("apply", "-f", QUICKSTART))
    condition = {"type": "Complete", "status": "True", "reason": "Published", "message": "", "lastTransitionTime": "x"}
    patch = json.dumps({"status": {"observedGeneration": 1, "phase": "Complete", "conditions": [condition]}})
    good(kubectl("patch", "spz", "quickstart", "--type=merge", "-p", patch))
    assert good(kubectl("get", "spz", "quickstart", "-o", "jsonpath={.status.phase}")) == ""
    good(kubectl("patch", "spz", "quickstart", "--subresource=status", "--type=merge", "-p", patch))
    assert good(kubectl("get", "spz", "quickstart", "-o", "jsonpath={.metadata.generation}")) == "1"
    good(kubectl("wait", "--for=condition=Complete", "spz/quickstart", "--timeout=5s"))


def test_owners_of_fields_conflict_unless_one_insists(kubectl: Kubectl) -> None:
    first = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata: {a: '1', b: '2'}\n"
    second = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata: {a: '9'}\n"
    good(kubectl("apply", "--server-side", "--field-manager=one", "-f", "-", stdin=first))
    refused = kubectl("apply", "--server-side", "--field-manager=two", "-f", "-", stdin=second)
    assert 'conflict with "one": .data.a' in refused.stderr
    good(kubectl("apply", "--server-side", "--field-manager=two", "--force-conflicts", "-f", "-", stdin=second))
    nothing = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n"
    good(kubectl("apply", "--server-side", "--field-manager=one", "-f", "-", stdin=nothing))
    assert good(kubectl("get", "cm", "x", "-o", "jsonpath={.data}")) == '{"a":"9"}'


@pytest.mark.usefixtures("collecting")
def test_what_an_object_owns_goes_with_it(server: Api, kubectl: Kubectl) -> None:
    good(kubectl("apply", "-f", QUICKSTART))
    uid = good(kubectl("get", "spz", "quickstart", "-o", "jsonpath={.metadata.uid}"))
    owner = {"apiVersion": "preceptor.dev/v1alpha1", "kind": "Specialization", "name": "quickstart", "uid": uid}
    child = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "child", "ownerReferences": [owner]}}
    good(kubectl("apply", "-f", "-", stdin=json.dumps(child)))
    good(kubectl("delete", "spz", "quickstart"))
    assert server.objects("", "configmaps") == []
