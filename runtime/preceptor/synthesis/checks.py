"""Which validators a source's rows must pass, and in which order."""

from __future__ import annotations

from dataclasses import dataclass

from preceptor.spec.recipe import (
    AgreementValidator,
    EvolveSource,
    LengthValidator,
    PromptSource,
    Recipe,
    SolveSource,
    Source,
    Validator,
)


@dataclass(frozen=True)
class Check:
    """A validator at work on the rows of one source."""

    role: str
    """Names its requests within a row."""
    validator: Validator
    """The validator."""
    agreed: int = 0
    """For agreement: solutions that the source itself asked for and that agree by nature."""

    @property
    def solutions(self) -> int:
        """For agreement: solutions to ask for at most."""
        assert isinstance(self.validator, AgreementValidator)
        return self.validator.solutions - self.agreed

    @property
    def needed(self) -> int:
        """For agreement: solutions that must still agree."""
        assert isinstance(self.validator, AgreementValidator)
        return self.validator.agree - self.agreed

    @property
    def requests(self) -> int:
        """Requests for a row at most, retries apart."""
        match self.validator:
            case AgreementValidator():
                return self.solutions if self.needed > 0 else 0
            case LengthValidator():
                return 0
            case _:
                return 1

    @property
    def usual_requests(self) -> int:
        """Requests for a row as a rule."""
        if isinstance(self.validator, AgreementValidator):
            return (max(0, self.needed) + self.requests + 1) // 2
        return self.requests


def asks(source: Source) -> bool:
    """Whether a model writes the source's rows."""
    return isinstance(source, PromptSource | SolveSource | EvolveSource)


def checks_of(recipe: Recipe, source: Source) -> tuple[Check, ...]:
    """The checks of a source's rows, cheapest first; none for rows that no model wrote.

    Rewritten rows are always solved once more by somebody who does not know their answer.
    """
    if not asks(source):
        return ()
    validators: list[Validator] = list(recipe.validators)
    if isinstance(source, EvolveSource) and not any(isinstance(one, AgreementValidator) for one in validators):
        validators.append(AgreementValidator(kind="agreement", solutions=1, agree=1))
    own = 1 if isinstance(source, SolveSource) else 0
    checks = [
        Check(f"{one.kind}-{place}", one, own if isinstance(one, AgreementValidator) else 0)
        for place, one in enumerate(validators)
    ]
    return tuple(sorted(checks, key=lambda check: check.requests))
