"""What a GraphQL request would change."""

import json

import pytest
from dagster_graphql.schema import create_schema
from graphql import GraphQLError, OperationType, parse
from hypothesis import given
from hypothesis import strategies as st

from supersync_core.domain.access import Role
from supersync_dagster.api.guard.graphql import (
    OPERATOR_MUTATIONS,
    mutations_in_body,
    mutations_in_url,
    mutations_of,
)
from supersync_dagster.api.guard.visit import Refused


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        pytest.param("{ version }", (), id="a query"),
        pytest.param("query mutation { mutation }", (), id="a query that is called so"),
        pytest.param("subscription { capturedLogs }", (), id="a subscription"),
        pytest.param("mutation { launchRun { id } }", ("launchRun",), id="a mutation"),
        pytest.param("mutation M { a: wipeAssets { id } launchRun { id } }", ("wipeAssets", "launchRun"), id="alias"),
        pytest.param("query Q { a } mutation M { launchRun }", ("launchRun",), id="beside a query"),
        pytest.param("mutation { ...F } fragment F on Mutation { deleteRun }", ("deleteRun",), id="in a fragment"),
        pytest.param("mutation { ...F } fragment F on Mutation { a ...F }", ("a",), id="a fragment of itself"),
        pytest.param("mutation { ... { ... on Mutation { deleteRun } } }", ("deleteRun",), id="inline fragments"),
        pytest.param("mutation { ...Nothing }", ("unknown",), id="a fragment that is not there"),
        pytest.param("# x\n\ufeff,,,mutation\n@a{launchRun@skip(if:true)}", ("launchRun",), id="odd spacing"),
        pytest.param('query Q { a(b: "mutation { launchRun }") }', (), id="within a text"),
    ],
)
def test_every_mutation_of_a_document_is_found(query: str, fields: tuple[str, ...]) -> None:
    assert mutations_of(query).fields == fields


@pytest.mark.parametrize(
    "query",
    [
        pytest.param("mutation {", id="cut short"),
        pytest.param("mutation " + "{a" * 20_000, id="nested without end"),
        pytest.param("#" * 1_000_001 + "mutation", id="very long"),
    ],
)
def test_a_document_that_cannot_be_read_is_refused(query: str) -> None:
    with pytest.raises(Refused):
        mutations_of(query)


@given(st.text(alphabet="mutation{}()#\"' \n,@:$query abc.…", max_size=60))
def test_any_text_is_read_as_dagster_reads_it(text: str) -> None:
    try:
        found = bool(mutations_of(text).fields)
    except Refused:
        return
    try:
        nodes = parse(text).definitions
    except GraphQLError:
        assert not found
        return
    assert found == any(getattr(node, "operation", None) is OperationType.MUTATION for node in nodes)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"{", id="no JSON"),
        pytest.param(b"[" * 100_000, id="nested without end"),
        pytest.param(b'[{"query": "{a}"}]', id="a batch"),
        pytest.param(b'"mutation { launchRun }"', id="a text"),
        pytest.param(b'{"query": ["mutation { launchRun }"]}', id="a query that is a list"),
        pytest.param(b'{"query": "{a}", "operationName": {"a": 1}}', id="a name that is an object"),
        pytest.param(
            json.dumps({"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "0" * 64}}}).encode(),
            id="a persisted query",
        ),
    ],
)
def test_a_body_that_dagster_would_not_understand_is_refused(body: bytes) -> None:
    with pytest.raises(Refused) as caught:
        mutations_in_body(body)
    assert caught.value.status == 400


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        pytest.param({"query": "query Q {a} mutation M {launchRun}", "operationName": "Q"}, ("launchRun",), id="other"),
        pytest.param({"query": "{a}", "variables": {"query": "mutation {launchRun}"}}, (), id="in the variables"),
    ],
)
def test_the_whole_document_counts_whichever_operation_is_asked_for(body: object, fields: tuple[str, ...]) -> None:
    assert mutations_in_body(json.dumps(body).encode()).fields == fields


def test_of_two_queries_in_a_body_the_last_counts_as_for_dagster() -> None:
    assert mutations_in_body(b'{"query": "{a}", "query": "mutation {launchRun}"}').fields == ("launchRun",)


@pytest.mark.parametrize(
    "query_string",
    [
        b"query=mutation%7BlaunchRun%7D",
        b"query=%7Ba%7D&query=mutation{launchRun}",
        b"query=mutation{launchRun}&query={a}",
        b"x=1&%71uery=mutation+{launchRun}",
    ],
)
def test_mutations_in_a_url_are_found(query_string: bytes) -> None:
    assert mutations_in_url(query_string).fields == ("launchRun",)


def test_the_mutations_of_an_operator_are_dagsters() -> None:
    mutations = create_schema().graphql_schema.mutation_type
    assert mutations
    assert OPERATOR_MUTATIONS - set(mutations.fields) == set()


@pytest.mark.parametrize(
    ("query", "role"),
    [
        pytest.param("mutation {launchRun}", Role.OPERATOR, id="to launch"),
        pytest.param("mutation {stopRunningSchedule}", Role.OPERATOR, id="to pause"),
        pytest.param("mutation {terminateRun}", Role.OPERATOR, id="to cancel"),
        pytest.param("mutation {wipeAssets}", Role.ADMIN, id="to delete"),
        pytest.param("mutation {launchRun deleteRun}", Role.ADMIN, id="the largest of all"),
        pytest.param("mutation {ofALaterVersion}", Role.ADMIN, id="not known yet"),
    ],
)
def test_a_mutation_needs_a_role(query: str, role: Role) -> None:
    assert mutations_of(query).role is role
