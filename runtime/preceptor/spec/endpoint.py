"""A model behind an OpenAI-compatible endpoint: where it is, who may ask, how it samples, what it costs."""

from __future__ import annotations

import re
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from preceptor.spec.base import ContradictionError, Duration, Fraction, Model

RESERVED = frozenset(
    "model messages prompt input encoding_format temperature top_p stream stream_options response_format "
    "max_tokens max_completion_tokens max_new_tokens n_predict n best_of use_beam_search echo "
    "tools functions documents web_search_options".split()
)
"""Keys of a request's body that `extraBody` may not set: what is asked for, and all that makes it cost more."""
SECRET_HEADERS = frozenset({"authorization", "proxy-authorization", "api-key", "x-api-key", "cookie"})
"""Headers, in lower case, that carry a secret, which no document may."""


class SecretRef(Model):
    """A key in a Kubernetes Secret, mounted by name."""

    name: str = Field(examples=["api-keys"])
    """The Secret."""
    key: str = Field(examples=["openai"])
    """The key in it."""

    @property
    def variable(self) -> str:
        """The environment variable as which it is mounted: ``PRECEPTOR_SECRET_<NAME>_<KEY>``."""
        return re.sub(r"[^A-Z0-9]", "_", f"PRECEPTOR_SECRET_{self.name}_{self.key}".upper())


class ApiKey(Model):
    """Where an endpoint's key comes from; never the key itself."""

    env: str | None = None
    """Name of an environment variable."""
    secret: SecretRef | None = None
    """A Secret in the run's namespace."""

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.env is None) == (self.secret is None):
            raise ContradictionError("a key comes from one place", mend="give either `env` or `secret`")
        return self

    @property
    def variable(self) -> str:
        """The environment variable that holds the key."""
        return self.env or "" if self.secret is None else self.secret.variable


class Endpoint(Model):
    """An OpenAI-compatible endpoint."""

    base_url: str | None = None
    """Its URL up to ``/v1``; the vendor's own when absent."""
    api_key: ApiKey | None = None
    """Its key, by reference; none is sent when absent."""
    headers: dict[str, str] = Field(default_factory=dict)
    """Further headers of every request; never a secret, which belongs in `apiKey`."""
    extra_body: dict[str, Any] = Field(default_factory=dict)
    """Further keys of every request's body, as in ``{chat_template_kwargs: {enable_thinking: false}}`` for vLLM."""
    structured_output: Literal["auto", "jsonSchema", "jsonObject", "text"] = "auto"
    """How answers in JSON are asked for; ``auto`` takes the strictest way the endpoint accepts."""
    timeout: Duration = 120.0
    """Longest wait for one answer."""
    patience: Duration = 900.0
    """Longest wait for an endpoint that is down or turns everything away; then the run stops and can be continued."""

    @model_validator(mode="after")
    def _harmless(self) -> Self:
        for key in self.extra_body:
            if key in RESERVED:
                raise ContradictionError(
                    f"`{key}` may not be set here: it decides what is asked or what that costs",
                    mend="remove it; `sampling` and `structuredOutput` say how the model is asked",
                    at=("extraBody", key),
                )
        for name in self.headers:
            if name.lower() in SECRET_HEADERS:
                raise ContradictionError(
                    f"the header `{name}` carries a secret, and a document is no place for one",
                    mend="remove it, and name an environment variable: apiKey: {env: MY_KEY}",
                    at=("headers", name),
                )
        return self


class Sampling(Model):
    """How the teacher's model samples."""

    temperature: float = Field(default=1.0, ge=0)
    """Softmax temperature."""
    top_p: Fraction = 1.0
    """Nucleus."""
    max_tokens: int = Field(default=2048, gt=0)
    """Longest answer."""


class Price(Model):
    """Dollars for a million tokens."""

    input: float = Field(default=0.0, ge=0)
    """Prompt tokens."""
    output: float = Field(default=0.0, ge=0)
    """Completion tokens."""
