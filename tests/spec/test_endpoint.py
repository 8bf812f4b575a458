import pytest
from pydantic import ValidationError

from preceptor.spec.endpoint import Endpoint


@pytest.mark.parametrize("key", ["max_tokens", "n_predict", "n", "stream", "messages", "tools"])
def test_extra_body_cannot_raise_what_a_request_costs(key: str) -> None:
    with pytest.raises(ValidationError, match=f"`{key}` may not be set here"):
        Endpoint(extra_body={key: 9})


@pytest.mark.parametrize("name", ["Authorization", "x-api-key", "API-KEY", "Cookie"])
def test_headers_carry_no_secrets(name: str) -> None:
    with pytest.raises(ValidationError, match=f"the header `{name}` carries a secret"):
        Endpoint(headers={name: "sk-1"})
