"""The API keeps what its OpenAPI document promises, whatever it is asked."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any
from unittest import SkipTest

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import APIOperation, BaseSchema, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from canary.web.routes import WebRoute
from tests.website import Site, serve

pytestmark = pytest.mark.slow
CHECKS = [
    not_a_server_error, status_code_conformance, content_type_conformance, response_headers_conformance,
    response_schema_conformance, negative_data_rejection,
]  # fmt: skip


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with serve(tmp_path_factory.mktemp("contract")) as site:
        yield site


@pytest.fixture(scope="module")
def headers(site: Site) -> dict[str, str]:
    return {"Authorization": f"Bearer {site.secret('api')}"}


@pytest.fixture(scope="module")
def schema(site: Site, headers: dict[str, str]) -> BaseSchema:
    return schemathesis.openapi.from_url(f"{site.url}/api/v1/openapi.json", headers=headers)


def operations(schema: BaseSchema) -> list[APIOperation[Any, Any, Any, Any]]:
    return [found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)]


def test_the_document_is_valid_and_names_every_call(site: Site, schema: BaseSchema) -> None:
    schema.validate()
    named = {(o.method.upper(), o.path) for o in operations(schema)}
    served = {(w.method, w.path) for w in site.app.state.ways if isinstance(w, WebRoute) and w.path.startswith("/api/")}
    assert named == served - {("GET", "/api/v1/openapi.json")}


@pytest.mark.parametrize("mode", GenerationMode)
def test_every_call_answers_as_the_document_says(
    schema: BaseSchema, headers: dict[str, str], mode: GenerationMode
) -> None:
    @settings(max_examples=15, deadline=None, database=None, derandomize=True, phases=[Phase.generate],
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(st.data())
    def ask(data: st.DataObject) -> None:
        case = data.draw(strategy)
        case.call_and_validate(headers=headers, checks=CHECKS)

    for operation in operations(schema):
        strategy = operation.as_strategy(generation_mode=mode)
        with suppress(SkipTest):  # a call without parameters cannot be asked wrongly
            ask()
