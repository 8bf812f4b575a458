"""``preceptor render``: the Kubernetes objects of a run, for those who apply them without the operator."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from preceptor_operator.manifests import Wanted

FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="The Specialization document.", show_default=False)]
SettingsOption = Annotated[
    Path | None, typer.Option("--settings", metavar="FILE", help="The operator's settings; its defaults if absent.")
]
NamespaceOption = Annotated[
    str | None, typer.Option("--namespace", help="Namespace, when the document names none.", show_default="default")
]
AttemptOption = Annotated[
    int, typer.Option("--attempt", min=1, help="Counts RayJobs of the run; a further one goes on from the storage.")
]


def render(
    file: FileArgument,
    settings: SettingsOption = None,
    namespace: NamespaceOption = None,
    attempt: AttemptOption = 1,
) -> None:
    """Print the ConfigMap and the RayJob that the operator would apply.

    Without the operator nobody retries, suspends or tells a status: apply them, and render the next attempt when one is
    lost.
    """
    from preceptor_operator.manifests import config_map, ray_job
    from preceptor_operator.plain import to_yaml
    from preceptor_operator.settings import read_settings

    wanted = wanted_of(file, namespace, attempt)
    job = ray_job(wanted, read_settings(settings))
    sys.stdout.write("---\n".join(to_yaml(each) for each in (config_map(wanted), job)))


def wanted_of(file: Path, namespace: str | None, attempt: int) -> Wanted:
    """The attempt that a command line asks for. Raises :class:`preceptor.errors.DocumentError`."""
    from preceptor.spec.load import load
    from preceptor_operator.manifests import Wanted

    document = load(file).spec
    return Wanted(
        document=document,
        name=document.name,
        namespace=document.metadata.namespace or namespace or "default",
        attempt=attempt,
        labels=document.metadata.labels,
    )
