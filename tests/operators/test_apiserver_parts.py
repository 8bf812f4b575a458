import json
from pathlib import Path

import pytest

from support.apiserver.patching import merged
from support.apiserver.refusals import Refusal
from support.apiserver.selectors import matches
from support.kubectl import Kubectl

LABELS = {"app": "preceptor", "preceptor.dev/attempt": "2"}


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ("", True),
        ("app=preceptor", True),
        ("app==preceptor,preceptor.dev/attempt=2", True),
        ("app=preceptor,preceptor.dev/attempt=1", False),
        ("app!=preceptor", False),
        ("other!=x", True),
        ("app", True),
        ("!app", False),
        ("!other", True),
        ("app in (a, preceptor),!other", True),
        ("app notin (a, preceptor)", False),
        ("other notin (a)", True),
    ],
)
def test_label_selectors_select_as_kubernetes_says(selector: str, expected: bool) -> None:
    assert matches(selector, LABELS) is expected


@pytest.mark.parametrize("selector", ["app in preceptor", "other=x,app=(", ","])
def test_a_selector_that_cannot_be_read_is_a_bad_request(selector: str) -> None:
    with pytest.raises(Refusal) as refused:
        matches(selector, LABELS)
    assert refused.value.status()["code"] == 400


# Cases of RFC 7386, appendix A.
@pytest.mark.parametrize(
    ("target", "patch", "expected"),
    [
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        ({"a": "foo"}, "bar", "bar"),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_merge_patches_follow_the_rfc(target: object, patch: object, expected: object) -> None:
    before = json.dumps([target, patch])
    assert merged(target, patch) == expected
    assert json.dumps([target, patch]) == before


def test_a_merge_patch_shares_what_it_leaves_alone() -> None:
    target = {"spec": {"a": 1}, "status": {"b": 1}}
    assert merged(target, {"status": {"b": 2}})["spec"] is target["spec"]


def test_kubectl_takes_clusters_from_its_own_kubeconfig_alone(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text(json.dumps({"apiVersion": "v1", "kind": "Config", "current-context": "only-here"}))
    kubectl = Kubectl(config, tmp_path)
    assert kubectl("config", "current-context").stdout.strip() == "only-here"
    assert kubectl("config", "no-such-command", "--bad").returncode != 0
