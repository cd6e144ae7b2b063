"""The little of Dagster's GraphQL that the demo needs: what a program outside would do."""

import json
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

JOBS = """
query { repositoriesOrError { ... on RepositoryConnection { nodes { name location { name } jobs { name } } } } }
"""

LOAD_ERRORS = """
query {
  workspaceOrError {
    ... on Workspace { locationEntries { name loadStatus locationOrLoadError { ... on PythonError { message } } } }
  }
}
"""

LAUNCH = """
mutation ($params: ExecutionParams!) {
  launchRun(executionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
    ... on PipelineNotFoundError { message }
  }
}
"""

RUN = """
query ($id: ID!) {
  runOrError(runId: $id) {
    ... on Run {
      status
      assetMaterializations {
        assetKey { path }
        metadataEntries {
          label
          ... on IntMetadataEntry { intValue }
          ... on FloatMetadataEntry { floatValue }
        }
      }
    }
    ... on Error { message }
  }
}
"""

FINAL = ("SUCCESS", "FAILURE", "CANCELED")

Measures = dict[str, float]
"""Numbers of a materialisation's metadata by their label."""


@dataclass(frozen=True)
class Run:
    """A Dagster run: its status, and what the assets materialised so far have measured."""

    run_id: str
    status: str
    assets: dict[str, Measures]


class Dagster:
    """A running webserver at `url`."""

    def __init__(self, url: str) -> None:
        """Remember the address."""
        self.url = url

    def launch(self, job: str) -> str:
        """Start a run of the job; its id. Raises SystemExit when Dagster has no such job, or refuses."""
        places = [
            {"repositoryName": place["name"], "repositoryLocationName": place["location"]["name"], "jobName": job}
            for place in self._ask(JOBS)["repositoriesOrError"].get("nodes", [])
            if any(found["name"] == job for found in place["jobs"])
        ]
        if not places:
            raise SystemExit(f"Dagster has no job {job!r}: {self._ask(LOAD_ERRORS)['workspaceOrError']}")
        answer = self._ask(LAUNCH, params={"selector": places[0], "mode": "default"})["launchRun"]
        if answer["__typename"] != "LaunchRunSuccess":
            raise SystemExit(f"Dagster refuses the run: {answer.get('message', answer['__typename'])}")
        return str(answer["run"]["runId"])

    def wait(self, run_id: str, on_poll: Callable[[Run], None], timeout_s: float = 300) -> Run:
        """Poll until the run has ended. Raises SystemExit when it does not in time."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            run = self.run(run_id)
            on_poll(run)
            if run.status in FINAL:
                return run
            time.sleep(0.3)
        raise SystemExit(f"the run {run_id} did not end within {timeout_s:.0f} s")

    def run(self, run_id: str) -> Run:
        """A run as it stands."""
        answer = self._ask(RUN, id=run_id)["runOrError"]
        return Run(run_id, answer["status"], {_name(made): _measures(made) for made in answer["assetMaterializations"]})

    def _ask(self, query: str, **variables: Any) -> dict[str, Any]:
        request = urllib.request.Request(
            f"{self.url}/graphql",
            json.dumps({"query": query, "variables": variables}).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as response:
            answer: dict[str, Any] = json.load(response)
        if answer.get("errors"):
            raise SystemExit(f"Dagster answers: {answer['errors'][0]['message']}")
        data: dict[str, Any] = answer["data"]
        return data


def _name(made: dict[str, Any]) -> str:
    return str(made["assetKey"]["path"][-1])


def _measures(made: dict[str, Any]) -> Measures:
    values = {entry["label"]: entry.get("intValue", entry.get("floatValue")) for entry in made["metadataEntries"]}
    return {label: float(value) for label, value in values.items() if value is not None}
