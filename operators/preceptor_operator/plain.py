"""Kubernetes objects as YAML that every reader in a cluster understands alike."""

from __future__ import annotations

import re
from typing import Any

import yaml


def to_yaml(data: Any) -> str:
    """Return plain JSON data as YAML, keys in their order, every part written out."""
    return yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)


class _Dumper(yaml.SafeDumper):
    """Writes every part out: not every reader of YAML in a cluster follows aliases."""

    def ignore_aliases(self, data: Any) -> bool:
        """Never write an alias."""
        return True


# Kubernetes reads YAML 1.1 in full, where a lone `n` is false; PyYAML does not, and would leave out the quotes.
_Dumper.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^[yYnN]$"), list("yYnN"))
