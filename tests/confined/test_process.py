"""What hangs, grows or dies in a confined process is ended, and the next request is answered."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from preceptor.confined.process import Confined, LimitError, Limits, NotReadyError

MODULE = """
import os, sys
from preceptor.confined.child import serve

def reply(request):
    match request:
        case "hang":
            while True: pass
        case "hang in one operation":
            return str(9 ** (9 ** 9))[:1]
        case "grow":
            return len(bytes(10**9))
        case "fail":
            raise ValueError("no traceback of this is seen")
        case "die":
            os._exit(0)
        case "print":
            print("in between")
            print("in between", file=sys.stderr)
        case "environment":
            return sorted(os.environ)
        case "write":
            print("x", file=open("written", "w"), flush=True)
    return request

serve(reply)
"""


@pytest.fixture
def process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Confined]:
    (tmp_path / "confined_example.py").write_text(MODULE)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SECRET_KEY", "k")
    process = Confined("confined_example", Limits(seconds=0.3, megabytes=256))
    yield process
    process.close()


@pytest.mark.parametrize("bomb", ["hang", "hang in one operation", "grow", "fail", "die", "write"])
def test_a_request_that_exceeds_a_limit_ends_the_process_and_the_next_finds_another(
    process: Confined, bomb: str
) -> None:
    assert process.ask("first") == "first"
    begun = time.monotonic()
    with pytest.raises(LimitError):
        process.ask(bomb)
    assert time.monotonic() - begun < 10
    assert process.ask({"after": ["it", None, "\u2212"]}) == {"after": ["it", None, "\u2212"]}
    assert not Path("written").exists() or not Path("written").read_text()


def test_what_is_printed_is_lost_and_keys_are_not_handed_on(
    process: Confined, capfd: pytest.CaptureFixture[str]
) -> None:
    assert process.ask("print") == "print"
    assert not {"SECRET_KEY", "HOME"} & set(process.ask("environment"))
    assert capfd.readouterr() == ("", "")


def test_threads_share_one_process(process: Confined) -> None:
    answers: dict[int, int] = {}

    def ask(number: int) -> None:
        answers[number] = process.ask(number)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == {number: number for number in range(20)}


def test_a_module_that_does_not_start_is_said_at_once() -> None:
    with pytest.raises(NotReadyError):
        Confined("no_such_module", Limits()).ask("x")


def test_nothing_is_left_when_the_asking_process_ends(tmp_path: Path) -> None:
    (tmp_path / "confined_example.py").write_text(
        MODULE.replace("environment", "pid").replace("sorted(os.environ)", "os.getpid()")
    )
    code = (
        "from preceptor.confined.process import Confined, Limits\n"
        "print(Confined('confined_example', Limits()).ask('pid'))"
    )
    ended = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
    )
    assert ended.stderr == ""
    with pytest.raises(ProcessLookupError):
        os.kill(int(ended.stdout), 0)
