"""What a GraphQL request to Dagster would change, read with the parser that Dagster reads it with."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from graphql import GraphQLError, OperationType, parse
from graphql.language import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
)

from supersync_core.domain.access import Role
from supersync_dagster.api.guard.visit import Refused

MAX_DOCUMENT = 1_000_000
"""Characters of a query."""
MAX_FIELDS = 100
"""Mutations in one request."""

# What an operator does by hand all day. A mutation that is not named here, now or in a later Dagster, needs an admin.
OPERATOR_MUTATIONS = frozenset(
    {
        "launchRun", "launchMultipleRuns", "launchRunReexecution", "launchPipelineExecution",
        "launchPipelineReexecution", "launchPartitionBackfill", "resumePartitionBackfill",
        "reexecutePartitionBackfill", "cancelPartitionBackfill", "terminateRun", "terminateRuns",
        "terminatePipelineExecution", "startSchedule", "stopRunningSchedule", "resetSchedule", "startSensor",
        "stopSensor", "resetSensor", "scheduleDryRun", "sensorDryRun", "reportRunlessAssetEvents",
        "reportAssetCheckEvaluations", "reloadRepositoryLocation", "reloadWorkspace", "setNuxSeen", "logTelemetry",
    }
)  # fmt: skip


@dataclass(frozen=True)
class Mutations:
    """The mutations in a request, each once, and the name that the client gave to the operation."""

    fields: tuple[str, ...]
    name: str = ""

    @property
    def role(self) -> Role:
        """What one needs to ask for all of them."""
        return Role.OPERATOR if OPERATOR_MUTATIONS.issuperset(self.fields) else Role.ADMIN


NONE = Mutations(())


def mutations_in_url(query_string: bytes) -> Mutations:
    """Those in the `query` parameters of a URL."""
    queries = parse_qs(query_string.decode("latin-1"), keep_blank_values=True).get("query", [])
    found = [field for query in queries for field in mutations_of(query).fields]
    return Mutations(tuple(dict.fromkeys(found)))


def mutations_in_body(body: bytes) -> Mutations:
    """Those in a JSON body. Raises Refused for what Dagster would not understand: a list, no query, another type."""
    try:
        request = json.loads(body)
    except (ValueError, RecursionError):
        raise Refused(400, "BAD_GRAPHQL", "the body is not JSON") from None
    return mutations_in_request(request)


def mutations_in_request(request: Any) -> Mutations:
    """Those in one request. Raises Refused."""
    if not isinstance(request, Mapping) or not isinstance(request.get("query"), str):
        raise Refused(400, "BAD_GRAPHQL", "a GraphQL request is one JSON object with the text of its `query`")
    name = request.get("operationName")
    if name is not None and not isinstance(name, str):
        raise Refused(400, "BAD_GRAPHQL", "`operationName` is a text")
    found = mutations_of(request["query"])
    return Mutations(found.fields, name or found.name)


def mutations_of(query: str) -> Mutations:
    """Those in a document, whichever of its operations is asked for: one that has any is none for reading.

    Raises Refused for one with a mistake in it: what we cannot read, somebody more patient perhaps could.
    """
    if len(query) > MAX_DOCUMENT:
        raise Refused(413, "TOO_LARGE", f"a GraphQL document has at most {MAX_DOCUMENT} characters")
    # Most requests are queries; a document without the word has no mutation.
    if "mutation" not in query:
        return NONE
    try:
        document = parse(query, no_location=True)
        found = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
        operations = [node for node in found if node.operation is OperationType.MUTATION]
        fields = tuple(dict.fromkeys(field for node in operations for field in _fields(document, node)))
    except GraphQLError as error:
        raise Refused(400, "BAD_GRAPHQL", error.message) from None
    except RecursionError:
        raise Refused(400, "BAD_GRAPHQL", "the GraphQL document is nested too deep") from None
    if len(fields) > MAX_FIELDS:
        raise Refused(400, "BAD_GRAPHQL", f"a request has at most {MAX_FIELDS} mutations")
    if not operations:
        return NONE
    names = [node.name.value for node in operations if node.name]
    return Mutations(fields or ("unknown",), names[0] if names else "")


def _fields(document: DocumentNode, operation: OperationDefinitionNode) -> Iterator[str]:
    """The names of the root fields, through fragments; an alias does not hide a name."""
    fragments = {node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)}
    waiting: list[SelectionSetNode] = [operation.selection_set]
    seen: set[str] = set()
    while waiting:
        for node in waiting.pop().selections:
            if isinstance(node, FieldNode):
                yield node.name.value
            elif isinstance(node, InlineFragmentNode):
                waiting.append(node.selection_set)
            elif isinstance(node, FragmentSpreadNode) and node.name.value not in seen:
                seen.add(node.name.value)
                if node.name.value in fragments:
                    waiting.append(fragments[node.name.value].selection_set)
