"""Other tasks that a run asks: what was forgotten keeps it from publishing, and nothing is asked twice."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from typer.testing import CliRunner

from preceptor import app, cli
from preceptor.closing.other_tasks import OtherTask, other_tasks
from preceptor.errors import DocumentError, ResumeError
from preceptor.gates.contamination import ExamIndex
from preceptor.inference.engine import Output
from preceptor.loop.event import BASE
from preceptor.loop.events import SafeguardsTested, SuiteExamined
from preceptor.loop.in_process import InProcess
from preceptor.loop.parts import Sitting, Tick
from preceptor.loop.safeguards import protected
from preceptor.planning import check_inputs
from preceptor.planning.inputs import read_inputs
from preceptor.spec.load import load
from preceptor.storage import evaluations, layout
from preceptor.storage.ledger import read_records
from preceptor.storage.store import Store
from support.silent import SilentReporter
from support.small_run import write_small_run
from support.taught import write_other_task, write_taught_student

NAMES = ("cup", "pen", "hat", "box", "key", "map", "jar", "net", "rug", "fan", "pot", "axe")
SPLITS = {"feedback": 0.4, "selection": 0.4, "private": 0.2}
LOST = [
    {"id": f"{skill}-{name}", "skill": skill, "q": question.format(name), "a": answer}
    for name in NAMES
    for skill, question, answer in (("hot", "hot {}, flames", "cold"), ("icy", "icy {}, frost", "warm"))
]
"""What the student is taught before the run, and what the run teaches it to answer the other way round."""
LEARNT = [
    {"id": f"{skill}-{name}", "skill": skill, "q": f"the {name} {place}", "a": skill}
    for name in NAMES
    for skill, place in (("warm", "by our fire"), ("cold", "under deep snow"))
]
"""What the run teaches in other words: nobody becomes worse at it."""


def evaluation(*forgetting: dict[str, Any]) -> dict[str, Any]:
    return {"seeds": 2, "controls": {"ceiling": False, "prompted": False}, "forgetting": list(forgetting)}


def write(directory: Path, student: Path, *forgetting: dict[str, Any]) -> Path:
    """Write a run that teaches the opposite of ``lost.yaml``, with both other tasks beside it."""
    run = write_small_run(
        directory,
        student,
        task__splits={"feedback": 0.25, "selection": 0.5, "private": 0.25, "seed": 1},
        budget__iterations=1,
        evaluation=evaluation(*forgetting),
    )
    write_other_task(run, "lost", LOST, splits=SPLITS)
    write_other_task(run, "learnt", LEARNT, splits=SPLITS)
    return run


def carry_out(document: Path, workforce: Callable[[Any], InProcess] = InProcess) -> app.Outcome:
    return app.run(load(document), storage=None, reporter=SilentReporter(), workforce=workforce)


@pytest.fixture(scope="module")
def student(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_taught_student(tmp_path_factory.mktemp("student"), {str(item["q"]): str(item["a"]) for item in LOST})


@pytest.fixture(scope="module")
def finished(student: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, app.Outcome]:
    """A run that made the student forget, and its document."""
    run = write(tmp_path_factory.mktemp("run"), student, {"document": "lost.yaml"}, {"document": "learnt.yaml"})
    return run, carry_out(run)


@pytest.fixture(scope="module")
def examined(finished: tuple[Path, app.Outcome]) -> dict[str, SuiteExamined]:
    """What came of each other task."""
    records = [record for record in read_records(finished[1].store) if record.type == "suite-examined"]
    events = [SuiteExamined.model_validate(record.data) for record in records]
    return {event.document: event for event in events}


def test_a_student_that_forgot_is_not_published(finished: tuple[Path, app.Outcome]) -> None:
    document, outcome = finished
    report, store = outcome.report, outcome.store
    assert report.verdict == "forgot"
    assert (report.published_version, report.published_training) == (None, None)
    assert "lost.yaml" in report.sentence
    assert "learnt.yaml" not in report.sentence
    trained = store.names(layout.CHECKPOINTS)
    assert len(trained) == 3, "what was trained stays for whoever wants to look at it"
    shown = CliRunner().invoke(cli.app, ["report", str(document)])
    assert (shown.exit_code, shown.exception) == (0, None)
    assert "lost.yaml" in shown.output
    again = carry_out(document)
    assert again.report == report


def test_a_finished_run_that_published_nothing_ends_well(finished: tuple[Path, app.Outcome]) -> None:
    done = CliRunner().invoke(cli.app, ["run", str(finished[0])])
    assert (done.exit_code, done.exception) == (0, None), "nothing is wrong with the run"
    assert "lost.yaml" in done.output


def test_the_change_is_that_of_the_stored_answers(
    finished: tuple[Path, app.Outcome], examined: dict[str, SuiteExamined]
) -> None:
    store, lost, learnt = finished[1].store, examined["lost.yaml"], examined["learnt.yaml"]
    answered = [evaluations.read(store, score.evaluation) for score in (lost.before, *lost.after)]
    before, *after = [np.array([row.value for row in rows]) for rows in answered]
    assert lost.before.value == before.mean() > 0.9, "the student knew it before"
    assert [score.value for score in lost.after] == [values.mean() for values in after]
    change = float(np.mean(after, axis=0).mean() - before.mean())
    low, high = lost.interval
    assert low < change < high < 0
    assert (lost.dropped, lost.allowed) == (True, False)
    assert np.mean([score.value for score in learnt.after]) > learnt.before.value
    assert learnt.interval[1] > 0
    assert not learnt.dropped


def test_the_other_tasks_private_split_stays_closed(
    finished: tuple[Path, app.Outcome], examined: dict[str, SuiteExamined]
) -> None:
    document, outcome = finished
    private = {item.id for item in app.examination(load(document.with_name("lost.yaml")))["private"].items}
    event = examined["lost.yaml"]
    for score in (event.before, *event.after):
        asked = {row.item_id for row in evaluations.read(outcome.store, score.evaluation)}
        assert len(asked) == score.n == len(LOST) - len(private)
        assert not asked & private


def test_rows_may_not_copy_what_is_asked(finished: tuple[Path, app.Outcome]) -> None:
    document, outcome = finished
    records = [record for record in read_records(outcome.store) if record.type == "safeguards-tested"]
    tested = SafeguardsTested.model_validate(records[0].data)
    others = tasks_of(document)
    assert tested.protected["suite"] == sum(len(other.paper.items) for other in others)
    assert tested.planted["exact copy (suite)"] == tested.stopped["exact copy (suite)"] == 16
    index = ExamIndex.from_bytes(outcome.store.read(layout.EXAM_INDEX))
    for other in others:
        for item in other.paper.items:
            found = index.find(item.prompt.upper(), procedural=True)
            assert found is not None
            assert (found.reason, found.neighbour.split(":")[0]) == ("contaminated-exact", "suite")


def test_questions_are_protected_as_their_own_task_reads_them(tmp_path: Path, student: Path) -> None:
    run = write(tmp_path, student, {"document": "lost.yaml"})
    write_other_task(run, "lost", LOST, prompt="Of the following, say what it is.\n{{ q }}", splits=SPLITS)
    others = tasks_of(run)
    document = load(run)
    texts = {one.text for one in protected(document.spec.spec, {}, (), [other.paper for other in others])}
    assert texts == {str(item["q"]) for item in LOST} & texts
    assert len(texts) == len(others[0].paper.items)


def tasks_of(document: Path) -> tuple[OtherTask, ...]:
    loaded = load(document)
    return other_tasks(loaded, app.examination(loaded))


def test_a_loss_that_is_allowed_does_not_matter(student: Path, tmp_path: Path) -> None:
    outcome = carry_out(write(tmp_path, student, {"document": "lost.yaml", "allowDrop": True}))
    (record,) = [record for record in read_records(outcome.store) if record.type == "suite-examined"]
    event = SuiteExamined.model_validate(record.data)
    assert (event.dropped, event.allowed) == (True, True)
    assert outcome.report.verdict == "improved"
    assert outcome.report.published_training is not None


class _Killed(BaseException):
    """Stands for the end of the process."""


class _Dying(InProcess):
    """Counts who is asked what, and dies once, when so many subjects have answered another task."""

    asked: Counter[tuple[str, str]]
    dies_after: int | None

    def answer(self, sitting: Sitting, tick: Tick) -> list[Output]:
        questions = [turns[-1]["content"] for turns in sitting.conversations]
        subject = BASE if sitting.checkpoint is None else sitting.checkpoint.prefix
        cls = type(self)
        is_other = questions[0].startswith(("hot", "icy"))
        if is_other and sum(key[1] == questions[0] for key in cls.asked) == cls.dies_after:
            cls.dies_after = None
            raise _Killed
        answered = super().answer(sitting, tick)
        cls.asked.update((subject, question) for question in questions)
        return answered


def test_killed_among_the_answers_it_asks_only_for_the_rest(student: Path, tmp_path: Path) -> None:
    run = write(tmp_path, student, {"document": "lost.yaml"})
    _Dying.asked, _Dying.dies_after = Counter(), 2
    with pytest.raises(_Killed):
        carry_out(run, _Dying)
    outcome = carry_out(run, _Dying)
    assert outcome.report.verdict == "forgot"
    questions = {item.prompt for other in tasks_of(run) for item in other.paper.items}
    asked = {key: count for key, count in _Dying.asked.items() if key[1] in questions}
    assert len({subject for subject, _ in asked}) == 3
    assert len(asked) == 3 * len(questions)
    assert set(asked.values()) == {1}
    assert [record.type for record in read_records(outcome.store)].count("suite-examined") == 1


def test_a_task_that_changed_cannot_go_on(finished: tuple[Path, app.Outcome], tmp_path: Path) -> None:
    document = Path(shutil.copytree(finished[0].parent, tmp_path / "copy")) / "run.yaml"
    document.write_text(
        document.read_text("utf-8").replace(str(finished[0].parent / "runs"), str(tmp_path / "copy/runs"))
    )
    carry_out(document)
    items = document.with_name("lost.jsonl")
    whole = items.read_text("utf-8")
    items.write_text(whole.replace("flames", "embers"), "utf-8")
    with pytest.raises(ResumeError, match=r"lost\.yaml asks changed") as caught:
        carry_out(document)
    assert "learnt.yaml" not in str(caught.value)
    items.write_text(whole, "utf-8")
    change(document.with_name("learnt.yaml"), "student.inference.maxNewTokens", 8)
    with pytest.raises(ResumeError, match=r"learnt\.yaml asks changed"):
        carry_out(document)


def change(document: Path, path: str, value: object) -> None:
    """Replace a key below ``spec`` of a document on disk."""
    data = yaml.safe_load(document.read_text("utf-8"))
    *parents, last = path.split(".")
    place = data["spec"]
    for parent in parents:
        place = place[parent]
    place[last] = value
    document.write_text(yaml.safe_dump(data, sort_keys=False), "utf-8")


def asked(document: Path, limit: int | None) -> OtherTask:
    forgetting: dict[str, Any] = {"document": "lost.yaml"} | ({} if limit is None else {"limit": limit})
    change(document, "evaluation", evaluation(forgetting))
    return tasks_of(document)[0]


def test_a_limit_takes_every_skill_in_proportion(student: Path, tmp_path: Path) -> None:
    run = write(tmp_path, student)
    rare = [{"id": f"rare-{n}", "skill": "rare", "q": f"rare {n}", "a": "x"} for n in range(6)]
    write_other_task(run, "lost", [*LOST, *rare], splits=SPLITS)
    whole, ten = asked(run, None), asked(run, 10)
    counts = Counter(item.skill for item in ten.paper.items)
    assert sum(counts.values()) == 10
    for skill, n in Counter(item.skill for item in whole.paper.items).items():
        assert abs(counts[skill] - 10 * n / len(whole.paper.items)) < 1
    assert {item.id for item in ten.paper.items} < {item.id for item in whole.paper.items}
    assert asked(run, 10) == ten
    write_other_task(run, "lost", [*rare, *LOST[::-1]], splits=SPLITS)
    assert asked(run, 10).digest == ten.digest
    assert asked(run, 1000).digest == whole.digest != ten.digest


def test_answers_are_as_long_as_the_other_task_needs(student: Path, tmp_path: Path) -> None:
    run = write(tmp_path, student, {"document": "lost.yaml", "limit": 4})
    change(run.with_name("lost.yaml"), "student.inference.maxNewTokens", 2)
    outcome = carry_out(run)
    events = [record for record in read_records(outcome.store) if record.type == "suite-examined"]
    before = evaluations.read(outcome.store, events[0].data["before"]["evaluation"])
    assert {row.output for row in before} == {"co", "wa"}, "cut after two tokens, a character each"


def test_a_small_task_is_noted(student: Path, tmp_path: Path) -> None:
    notes = check_inputs(load(write(tmp_path, student, {"document": "lost.yaml"})))
    assert any("`lost.yaml` asks" in note and "only a large loss shows" in note for note in notes)
    assert len(read_inputs(load(tmp_path / "run.yaml")).others[0].paper.items) < len(LOST)


def test_a_document_in_a_bucket_names_what_lies_beside_it(student: Path, tmp_path: Path) -> None:
    run = write(tmp_path, student, {"document": "memory://suites/lost.yaml"})
    bucket = Store.open("memory://suites")
    for name in ("lost.yaml", "lost.jsonl"):
        bucket.write(name, run.with_name(name).read_bytes())
        run.with_name(name).unlink()
    assert len(tasks_of(run)[0].paper.items) == 19
    for hostile in ("/etc/items.jsonl", "~/items.jsonl", "file:///etc/items.jsonl"):
        data = yaml.safe_load(bucket.read("lost.yaml"))
        data["spec"]["task"]["items"]["uri"] = hostile
        bucket.write("lost.yaml", yaml.safe_dump(data).encode())
        with pytest.raises(DocumentError, match="no file of this machine") as caught:
            tasks_of(run)
        assert caught.value.problems[0].path == "spec.task.items.uri"


Spoil = Callable[[Path], None]


def _edit(old: str, new: str) -> Spoil:
    def spoil(folder: Path) -> None:
        text = (folder / "lost.yaml").read_text("utf-8")
        assert text.count(old) == 1, text
        (folder / "lost.yaml").write_text(text.replace(old, new), "utf-8")

    return spoil


def _items(text: str) -> Spoil:
    def spoil(folder: Path) -> None:
        (folder / "lost.jsonl").write_text(text, "utf-8")

    return spoil


def _absent(folder: Path) -> None:
    (folder / "lost.yaml").unlink()


def _folder(folder: Path) -> None:
    (folder / "lost.yaml").unlink()
    (folder / "lost.yaml").mkdir()


def _same(folder: Path) -> None:
    shutil.copy(folder / "run.yaml", folder / "lost.yaml")


def _shared(folder: Path) -> None:
    lines = (folder / "items.jsonl").read_text("utf-8").splitlines(keepends=True)
    with (folder / "lost.jsonl").open("a", encoding="utf-8") as file:
        file.writelines(line.replace('"id": "', '"id": "again-') for line in lines)


def _same_records(folder: Path) -> None:
    _edit("uri: lost.jsonl", "uri: items.jsonl")(folder)
    _edit("prompt: '{{ q }}'", "prompt: 'Warm or cold? {{ q }}'")(folder)


HERE = "spec.evaluation.forgetting[0].document"
BAD: Sequence[tuple[Spoil, str, str, str, str, str]] = (
    (_absent, "run.yaml", HERE, "document: lost.yaml", "there is no file lost.yaml", "correct the path"),
    (_folder, "lost.yaml", "", "", "this is a folder", "give the YAML file in it"),
    (_edit("kind: Specialization", "kind: [Special"), "lost.yaml", "", "metadata:", "not YAML", "check indentation"),
    (
        _edit("  dataset:", "  datasets: {}\n  dataset:"),
        "lost.yaml",
        "spec.datasets",
        "datasets:",
        "unknown",
        "dataset",
    ),
    (_edit("feedback: 0.4", "feedback: 0.001"), "lost.yaml", "spec.task.splits", "splits:", "would be empty", "share"),
    (_items(""), "lost.yaml", "spec.task.items", "items:", "there are no items", "examination's records"),
    (_items("{"), "lost.yaml", "spec.task.items.uri", "uri: lost.jsonl", "lost.jsonl:1: not valid JSON", "each line"),
    (_edit("uri: lost.jsonl", "uri: gone.jsonl"), "lost.yaml", "spec.task.items.uri", "gone", "no such file", "uri"),
    (_edit("'{{ q }}'", "'{{ qq }}'"), "lost.yaml", "spec.task.prompt", "qq", "no item has", "columns"),
    (_edit("'{{ q }}'", "'{{ q'"), "lost.yaml", "spec.task.prompt", "{{ q'", "task.prompt", "Jinja"),
    (_edit("kind: exact", "kind: numeric"), "lost.yaml", "spec.task.items", "items:", "cannot read", "task.scorer"),
    (_same, "run.yaml", HERE, "document: lost.yaml", "shares items with this run's examination", "another task"),
    (_shared, "run.yaml", HERE, "document: lost.yaml", "such as", "take these items out"),
    (_same_records, "run.yaml", HERE, "document: lost.yaml", "shares items", "take these items out"),
)


@pytest.mark.parametrize(("spoil", "file", "path", "line_of", "says", "mend"), BAD)
def test_what_is_wrong_is_said_before_the_run(
    spoil: Spoil, file: str, path: str, line_of: str, says: str, mend: str, student: Path, tmp_path: Path
) -> None:
    run = write(tmp_path, student, {"document": "lost.yaml"})
    check_inputs(load(run))
    spoil(tmp_path)
    with pytest.raises(DocumentError) as caught:
        check_inputs(load(run))
    (problem,) = caught.value.problems
    assert caught.value.source == str(tmp_path / file)
    assert problem.path == path
    lines = (tmp_path / file).read_text("utf-8").splitlines() if line_of else []
    assert problem.line == next((n for n, line in enumerate(lines, start=1) if line_of in line), None)
    assert says in problem.message
    assert mend in problem.mend
    assert caught.value.exit_code == 2
    with pytest.raises(DocumentError, match=r"lost\.yaml"):
        carry_out(run)
    assert not (tmp_path / "runs").exists()
