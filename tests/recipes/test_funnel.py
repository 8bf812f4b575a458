from __future__ import annotations

from preceptor.recipes.funnel import Funnel, SkillFunnel


def test_totals_follow_from_the_skills() -> None:
    funnel = Funnel(
        skills={
            "a": SkillFunnel(quota=10, carried=2, made=12, accepted=8, dropped={"duplicate": 4}),
            "b": SkillFunnel(quota=9, carried=0, made=5, accepted=1, dropped={"empty": 3, "duplicate": 1}, missing=8),
        }
    )
    assert (funnel.made, funnel.carried, funnel.accepted) == (17, 2, 9)
    assert list(funnel.dropped.items()) == [("duplicate", 5), ("empty", 3)]
    assert Funnel.model_validate(funnel.model_dump(mode="json")) == funnel
