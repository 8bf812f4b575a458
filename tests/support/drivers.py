"""A stand-in for the driver in a cluster, for tests of the operator alone: it ends as its document's description says.

    python drivers.py drive FILE [--storage URI]

The description is a list of words, one an attempt, the last for all further ones: `0`, `1`, `2`, `3` or `4` ends with
that exit code after telling the status so, `silent-1` ends without a word, `wait` does not end.
"""

import json
import os
import sys
import time
import urllib.request
from pathlib import Path

import yaml


def main() -> None:
    """Carry out one attempt."""
    document = yaml.safe_load(Path(sys.argv[2]).read_text(encoding="utf-8"))
    attempt = int(os.environ["PRECEPTOR_ATTEMPT"])
    words = document["spec"]["task"]["description"].split()
    word = words[min(attempt, len(words)) - 1]
    if word == "wait":
        time.sleep(600)
    code = int(word.removeprefix("silent-"))
    if not word.startswith("silent-"):
        say(attempt, code, document)
    sys.exit(code)


def say(attempt: int, code: int, document: dict[str, object]) -> None:
    """Tell the status how the attempt ends, as the driver's own field manager."""
    reason = {0: "Published", 2: "DocumentError", 3: "BudgetExhausted", 4: "ApprovalNeeded"}.get(code, "Lost")
    final = {"attempt": attempt, "exitCode": code, "reason": reason, "message": f"attempt {attempt} ends with {code}"}
    if code == 4:
        final["step"] = "train"
    namespace, name = os.environ["PRECEPTOR_NAMESPACE"], os.environ["PRECEPTOR_NAME"]
    body = {"apiVersion": document["apiVersion"], "kind": document["kind"], "status": {"final": final}}
    body["metadata"] = {"name": name, "namespace": namespace}
    url = (
        f"{os.environ['TEST_API']}/apis/preceptor.dev/v1alpha1/namespaces/{namespace}/specializations/{name}/status"
        "?fieldManager=preceptor-driver"
    )
    headers = {"Content-Type": "application/apply-patch+yaml"}
    request = urllib.request.Request(url, json.dumps(body).encode(), headers, method="PATCH")
    urllib.request.urlopen(request, timeout=10).read()


if __name__ == "__main__":
    main()
