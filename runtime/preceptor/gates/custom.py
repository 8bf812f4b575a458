"""Gates of other packages, found through the entry-point group ``preceptor.gates``.

An entry point names what makes a gate: it is called with the document's ``options`` and gives an object whose
``check(sample)`` says why a row is dropped, or ``None``. It must say the same of the same row in every process, for
rows are judged wherever they are made, and made again when a run is replayed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from preceptor.errors import GateError
from preceptor.recipes.sample import Sample
from preceptor.spec.gates import CustomGate as Settings

GROUP = "preceptor.gates"
"""The entry-point group."""
DROPPED = "dropped"
"""Stands for a reason that is no short code."""

_CODE = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_LONGEST = 40


class CustomGate:
    """Another package's gate. Its reasons are counted under its name, as in ``my-gate:too-rude``."""

    def __init__(self, settings: Settings) -> None:
        """Raises :class:`GateError` when it is not installed or cannot be made."""
        self.name = settings.name
        found = _found(settings.name)
        made = self._trying(
            lambda: found.load()(**settings.options),
            "cannot be made",
            mend=f"correct its options in `dataset.gates.custom`, or install a {found.value} that works",
        )
        check = getattr(made, "check", None)
        if not callable(check):
            raise GateError(
                f"the gate `{self.name}` has no `check`",
                mend=f"let {found.value} give an object with `check(sample) -> str | None`",
            )
        self._check: Callable[[Sample], Any] = check

    def check(self, sample: Sample) -> str | None:
        """``name:code``; raises :class:`GateError` when the gate fails, because then nobody knows what it would say."""
        reason = self._trying(
            lambda: self._check(sample), "failed on a row", mend="correct the gate, or take it out of the document"
        )
        if reason is None:
            return None
        fits = isinstance(reason, str) and len(reason) <= _LONGEST and _CODE.fullmatch(reason)
        return f"{self.name}:{reason if fits else DROPPED}"

    def _trying(self, work: Callable[[], Any], what: str, *, mend: str) -> Any:
        """What foreign code gives; whatever it raises becomes one message without the row's text."""
        try:
            return work()
        except Exception as error:
            raise GateError(f"the gate `{self.name}` {what}: {type(error).__name__}", mend=mend) from error


def _found(name: str) -> EntryPoint:
    installed = {point.name: point for point in entry_points(group=GROUP)}
    if name in installed:
        return installed[name]
    known = ", ".join(f"`{other}`" for other in sorted(installed)) or "none"
    raise GateError(
        f"no gate `{name}` is installed; there is: {known}",
        mend=f"install the package that has it (entry-point group `{GROUP}`), or correct `dataset.gates.custom`",
    )
