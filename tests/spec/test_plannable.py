import pytest
import yaml

from preceptor.errors import DocumentError
from preceptor.spec.load import loads
from support.documents import VALID


@pytest.mark.parametrize(
    "teacher",
    [{"kind": "openai", "model": "m"}, {"kind": "pool", "uri": "rows.jsonl", "answer": "{{ answer }}"}],
    ids=["openai", "pool"],
)
def test_the_heuristic_engineer_needs_generators(teacher: dict[str, str], tmp_path) -> None:  # type: ignore[no-untyped-def]
    document = yaml.safe_load(VALID)
    document["spec"]["teacher"] = teacher
    with pytest.raises(DocumentError, match="the heuristic engineer plans rows of generators") as caught:
        loads(yaml.safe_dump(document), source="x.yaml", base_dir=tmp_path)
    assert [problem.path for problem in caught.value.problems] == ["spec.engineer.kind"]
