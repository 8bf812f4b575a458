"""``preceptor render``: the Kubernetes objects of a run, for those who apply them without the operator."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer


def render(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The Specialization document.", show_default=False)],
    settings: Annotated[
        Path | None, typer.Option("--settings", metavar="FILE", help="The operator's settings; its defaults if absent.")
    ] = None,
    namespace: Annotated[
        str | None, typer.Option("--namespace", help="Namespace, when the document names none.", show_default="default")
    ] = None,
    attempt: Annotated[
        int, typer.Option("--attempt", min=1, help="Counts RayJobs of the run; a further one goes on from the storage.")
    ] = 1,
) -> None:
    """Print the ConfigMap and the RayJob that the operator would apply.

    Without the operator nobody retries, suspends or tells a status: apply them, and render the next attempt when one is
    lost.
    """
    from preceptor.spec.load import load
    from preceptor_operator.manifests import Wanted, config_map, ray_job
    from preceptor_operator.plain import to_yaml
    from preceptor_operator.settings import read_settings

    document = load(file).spec
    wanted = Wanted(
        document=document,
        name=document.name,
        namespace=document.metadata.namespace or namespace or "default",
        attempt=attempt,
        labels=document.metadata.labels,
    )
    job = ray_job(wanted, read_settings(settings))
    sys.stdout.write("---\n".join(to_yaml(each) for each in (config_map(wanted), job)))
