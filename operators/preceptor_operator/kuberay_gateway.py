"""RayJobs through KubeRay's own Python client, for people who submit from a laptop without our operator.

The client is not on PyPI by itself: ``codeflare-sdk`` carries it. It answers ``None`` or ``False`` where the API server
refused; what the server said is caught on the way and raised.
"""

from __future__ import annotations

import importlib
import importlib.util
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import ModuleType
from typing import Any

from preceptor.errors import UserError
from preceptor_operator.actions import Manifest
from preceptor_operator.gateway import ConflictError, RefusedError, UnreachableError
from preceptor_operator.names import LABEL_ATTEMPT, LABEL_NAME

_CLIENT = "codeflare_sdk.vendored.python_client.kuberay_job_api"
_INSTALL = "pip install kubernetes && pip install --no-deps codeflare-sdk==0.40.1"


class KubeRayGateway:
    """The :class:`~preceptor_operator.gateway.RayJobGateway` over KubeRay's client and the current kubeconfig.

    Raises :class:`~preceptor.errors.UserError` when the client is not installed or there is no kubeconfig.
    """

    def __init__(self, kubeconfig: Path | None = None) -> None:
        """``kubeconfig`` stands instead of what ``KUBECONFIG`` names."""
        module = _client()
        from kubernetes.config import ConfigException, kube_config

        # The library reads the variable when it is imported, and KubeRay's client takes no path.
        known = os.environ.get("KUBECONFIG") or kube_config.KUBE_CONFIG_DEFAULT_LOCATION
        kube_config.KUBE_CONFIG_DEFAULT_LOCATION = str(kubeconfig or known)
        try:
            self._jobs = module.RayjobApi()
        except ConfigException as error:
            raise UserError(f"there is no cluster to submit to: {error}", mend="set KUBECONFIG, or log in") from error
        self._answers = _Answers(self._jobs.api)
        self._jobs.api = self._answers

    def apply(self, manifest: Manifest) -> None:
        """Make the RayJob; one of that name with the same attempt is no mistake.

        Raises :class:`RefusedError`, :class:`ConflictError`, :class:`UnreachableError`.
        """
        name, namespace = manifest["metadata"]["name"], manifest["metadata"]["namespace"]
        with self._told(fine=(409,)):
            if self._jobs.submit_job(k8s_namespace=namespace, job=dict(manifest)) is not None:
                return
        found = self.read(namespace, name)
        if found is None or _run_of(found) != _run_of(manifest):
            raise ConflictError(f"RayJob {namespace}/{name} belongs to something else")

    def read(self, namespace: str, name: str) -> dict[str, Any] | None:
        """The RayJob as plain data, ``None`` when there is none.

        Raises :class:`RefusedError` (not allowed), :class:`UnreachableError`.
        """
        with self._told(fine=(404,)):
            found: dict[str, Any] | None = self._jobs.get_job(name, k8s_namespace=namespace)
        return found

    def delete(self, namespace: str, name: str) -> None:
        """Delete it; one that is gone is no mistake. Raises :class:`RefusedError`, :class:`UnreachableError`."""
        with self._told(fine=(404,)):
            self._jobs.delete_job(name, k8s_namespace=namespace)

    def add(self, config_map: Manifest, ray_job: Manifest) -> None:
        """Make a ConfigMap that goes with a RayJob which is there; one that is there already is no mistake.

        Raises as :meth:`apply`. Pods of the RayJob wait for it.
        """
        from kubernetes.client import CoreV1Api

        name, namespace = ray_job["metadata"]["name"], ray_job["metadata"]["namespace"]
        found = self.read(namespace, name)
        if found is None:
            raise ConflictError(f"RayJob {namespace}/{name} has been deleted meanwhile")
        owner = {"apiVersion": found["apiVersion"], "kind": found["kind"], "name": name}
        owner["uid"] = found["metadata"]["uid"]
        body = {**config_map, "metadata": {**config_map["metadata"], "ownerReferences": [owner]}}
        core = _Answers(CoreV1Api(self._answers.client))
        with self._told(core, fine=(409,)):
            core.create_namespaced_config_map(namespace, body)

    def close(self) -> None:
        """Close its connections."""
        self._answers.close()

    @contextmanager
    def _told(self, answers: _Answers | None = None, *, fine: tuple[int, ...] = ()) -> Iterator[None]:
        """Raise what the API server refused within, which the client keeps to itself, unless the status is ``fine``."""
        from kubernetes.client import ApiException
        from urllib3.exceptions import HTTPError

        asked = answers or self._answers
        asked.clear()
        try:
            with suppress(ApiException):
                yield
        except HTTPError as error:
            raise UnreachableError(f"the API server did not answer: {error}") from error
        status, reason = asked.status, asked.reason
        if status is None or status in fine:
            return
        if status == 409:
            raise ConflictError(reason)
        if status == 429 or status >= 500:
            raise UnreachableError(f"the API server answered {status}: {reason}")
        raise RefusedError(
            f"the API server refused ({status}): {reason}",
            mend="change the object, or ask for the right that is missing",
        )


class _Answers:
    """The client's own connection, which remembers what the API server refused last."""

    def __init__(self, api: Any) -> None:
        self._api = api
        self.client = api.api_client
        self.clear()

    def clear(self) -> None:
        self.status: int | None = None
        self.reason = ""

    def close(self) -> None:
        self.client.rest_client.pool_manager.clear()
        self.client.close()

    def __getattr__(self, name: str) -> Any:
        from kubernetes.client import ApiException

        method = getattr(self._api, name)

        def call(*arguments: Any, **more: Any) -> Any:
            try:
                return method(*arguments, **more)
            except ApiException as error:
                self.status, self.reason = (
                    int(error.status or 0),
                    " ".join(str(error.body or error.reason).split())[:500],
                )
                raise

        return call


def _client() -> ModuleType:
    """KubeRay's client alone: the package around it brings ray, widgets and OpenShift along when it is imported."""
    found = importlib.util.find_spec("codeflare_sdk")
    if found is None or importlib.util.find_spec("kubernetes") is None:
        raise UserError("KubeRay's Python client is not installed", mend=_INSTALL)
    if "codeflare_sdk" not in sys.modules:
        sys.modules["codeflare_sdk"] = importlib.util.module_from_spec(found)  # and not executed
    # It logs what it keeps to itself, and would configure the root logger to do so.
    logging.getLogger(_CLIENT).setLevel(logging.CRITICAL)
    return importlib.import_module(_CLIENT)


def _run_of(manifest: Manifest) -> tuple[str | None, str | None]:
    """The run and the attempt that an object's labels name."""
    labels = manifest["metadata"].get("labels") or {}
    return labels.get(LABEL_NAME), labels.get(LABEL_ATTEMPT)
