import random
from collections import Counter

import pytest

from preceptor.training.batches import Sizes, plan

DRAW = random.Random(3)
LENGTHS = [DRAW.randint(20, 200) for _ in range(137)]
SIZES = Sizes(batch=8, world=2, micro=2)


@pytest.mark.parametrize("rows", [1, 2, 7, 8, 9, 100, 136, 137])
@pytest.mark.parametrize("sizes", [Sizes(8, 1, 8), Sizes(8, 2, 4), Sizes(8, 2, 1), Sizes(16, 4, 2)])
def test_every_row_once_an_epoch_and_no_rank_has_more_micro_batches_than_another(rows: int, sizes: Sizes) -> None:
    steps = plan(LENGTHS[:rows], 2, sizes, seed=1)
    assert len(steps) == 2 * -(-rows // sizes.batch)
    epochs = steps[: len(steps) // 2], steps[len(steps) // 2 :]
    for epoch in epochs:
        assert Counter(row for step in epoch for row in step.rows) == Counter(range(rows))
    for step in steps:
        assert 0 < len(step.rows) <= sizes.batch
        assert {len(share) for share in step.shares} == {sizes.accumulation}
        assert max(len(micro) for share in step.shares for micro in share) <= sizes.micro


def test_epochs_differ_and_the_seed_decides() -> None:
    first, second = plan(LENGTHS, 1, SIZES, seed=1), plan(LENGTHS, 1, SIZES, seed=2)
    assert first != second
    assert plan(LENGTHS, 1, SIZES, seed=1) == first
    both = plan(LENGTHS, 2, SIZES, seed=1)
    assert both[: len(first)] == first
    assert both[len(first) :] != first


@pytest.mark.parametrize(("epochs", "steps"), [(0.01, 1), (0.5, 9), (1, 18), (1.5, 27)])
def test_a_fraction_of_an_epoch_is_a_fraction_of_its_steps(epochs: float, steps: int) -> None:
    assert len(plan(LENGTHS, epochs, SIZES, seed=0)) == steps


def test_rows_of_like_length_share_a_batch() -> None:
    def padding(steps: list[tuple[int, ...]]) -> float:
        padded = sum(max(LENGTHS[row] for row in step) * len(step) for step in steps)
        return 1 - sum(LENGTHS[row] for step in steps for row in step) / padded

    shuffled = random.Random(0).sample(range(len(LENGTHS)), len(LENGTHS))
    unsorted = [tuple(shuffled[start : start + 8]) for start in range(0, len(LENGTHS), 8)]
    assert padding([step.rows for step in plan(LENGTHS, 1, SIZES, seed=0)]) < padding(unsorted) / 4


def test_ranks_get_a_like_amount_of_work() -> None:
    for step in plan(LENGTHS[:136], 1, SIZES, seed=0):
        hands = [[LENGTHS[row] for micro in share for row in micro] for share in step.shares]
        assert {len(hand) for hand in hands} == {4}
        assert max(map(sum, hands)) <= 1.25 * min(map(sum, hands))
