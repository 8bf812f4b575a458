from __future__ import annotations

import pytest

from preceptor.engineers.difficulty import weigh_levels


def weigh(
    accuracy: float | None, before: dict[int, float] | None = None, levels: tuple[int, ...] = (1, 2, 3), climb: int = 1
) -> dict[int, float]:
    return weigh_levels(levels, before=before or {}, accuracy=accuracy, climb=climb, explore=0.3)


def test_levels_are_alike_until_something_is_known() -> None:
    assert weigh(None) == {}
    assert weigh(0.9, levels=(1,)) == {}
    assert weigh(0.9, before={3: 1.0}, climb=0) == {}


def test_a_skill_that_does_well_moves_up_and_one_that_does_badly_down() -> None:
    up, down = weigh(0.9), weigh(0.1)
    assert up[3] > up[2] > up[1]
    assert down[1] > down[2] > down[3]
    assert weigh(0.5) == {}


def test_a_skill_in_between_stays_where_it_is() -> None:
    assert weigh(0.5, before={1: 0.2, 2: 0.8}) == {1: 0.2, 2: 0.8}


def test_moves_start_from_the_best_versions_weights() -> None:
    easy = {1: 0.9, 2: 0.1, 3: 0.0}
    assert weigh(0.9, before=easy)[2] > weigh(0.9, before=easy)[3] > 0.1 - 1e-9
    assert weigh(0.9, before=easy)[3] < weigh(0.9)[3]


@pytest.mark.parametrize("accuracy", [0.0, 1.0])
@pytest.mark.parametrize("before", [{}, {1: 1.0}, {7: 1.0}, {2: 5, 7: 1}])
def test_every_level_keeps_its_part_of_exploration(accuracy: float, before: dict[int, float]) -> None:
    weights = weigh(accuracy, before, levels=(1, 2, 4, 7))
    assert sum(weights.values()) == pytest.approx(1, abs=0.005)
    assert min(weights.values()) >= 0.3 / 4 - 0.001
