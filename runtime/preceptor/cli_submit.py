"""``preceptor submit``: a run as a RayJob from a laptop, for clusters with KubeRay and without our operator."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from preceptor.cli_render import AttemptOption, FileArgument, NamespaceOption, SettingsOption, wanted_of
from preceptor.cli_targets import out


def submit(
    file: FileArgument,
    settings: SettingsOption = None,
    namespace: NamespaceOption = None,
    attempt: AttemptOption = 1,
    kubeconfig: Annotated[
        Path | None, typer.Option("--kubeconfig", help="Instead of KUBECONFIG or ~/.kube/config.")
    ] = None,
) -> None:
    """Submit a document to KubeRay with its own Python client; the same command again changes nothing.

    Nobody retries, suspends or tells a status: follow the RayJob, and submit the next attempt when one is lost.
    """
    from preceptor_operator.kuberay_gateway import KubeRayGateway
    from preceptor_operator.manifests import config_map, ray_job
    from preceptor_operator.settings import read_settings

    wanted = wanted_of(file, namespace, attempt)
    job = ray_job(wanted, read_settings(settings))
    gateway = KubeRayGateway(kubeconfig)
    try:
        gateway.apply(job)
        gateway.add(config_map(wanted), job)
    finally:
        gateway.close()
    where = f"--namespace {wanted.namespace}"
    out.print(f"submitted RayJob {wanted.child}; follow it with:", highlight=False, markup=False)
    out.print(f"  kubectl get rayjob {wanted.child} {where} --watch", highlight=False, markup=False, soft_wrap=True)
    out.print("delete it, and all that belongs to it, with:", highlight=False, markup=False)
    out.print(f"  kubectl delete rayjob {wanted.child} {where}", highlight=False, markup=False, soft_wrap=True)
