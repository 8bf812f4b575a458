"""Prints a document with a budget small enough for CI: one iteration, one finalist, the smallest dataset it allows."""

import sys
from pathlib import Path

import yaml

document = yaml.safe_load(Path(sys.argv[1]).read_text("utf-8"))
spec = document["spec"]
spec["dataset"]["size"] = spec["dataset"].get("minimum", spec["dataset"]["size"])
spec["budget"]["iterations"] = 1
spec.setdefault("evaluation", {})["seeds"] = 1
document["metadata"]["name"] += "-reduced"
sys.stdout.write(yaml.safe_dump(document, sort_keys=False, allow_unicode=True))
