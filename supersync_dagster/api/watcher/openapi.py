"""The OpenAPI document with the bodies that the document shows."""

from typing import Any

from supersync_dagster.api.watcher import examples
from supersync_dagster.api.watcher.examples import Example

_NONE: list[Example] = []
Answer = Example | list[Example]
SHOWN: dict[tuple[str, str], tuple[list[Example], dict[int, Answer]]] = {
    ("post", "/pipeline"): (
        [examples.PIPELINE_REPORT],
        {201: examples.PIPELINE_FOUND | {"watermark": None}, 200: examples.PIPELINE_FOUND},
    ),
    ("get", "/pipeline"): (_NONE, {200: examples.PIPELINES}),
    ("get", "/pipeline/{pipeline_id}"): (_NONE, {200: examples.PIPELINE}),
    ("patch", "/pipeline"): ([examples.PIPELINE_PATCH], {200: examples.PIPELINE_PATCHED}),
    ("post", "/start_pipeline_execution"): ([examples.START, examples.START_NOW], {201: examples.CREATED}),
    ("post", "/end_pipeline_execution"): ([examples.END], {}),
    ("get", "/pipeline_execution/{pipeline_execution_id}"): (_NONE, {200: examples.EXECUTION}),
    ("post", "/pipeline_type"): ([examples.TYPE_REPORT], {201: examples.CREATED, 200: examples.CREATED}),
    ("get", "/pipeline_type"): (_NONE, {200: examples.TYPES}),
    ("get", "/pipeline_type/{pipeline_type_id}"): (_NONE, {200: examples.TYPE}),
    ("post", "/address"): ([examples.ADDRESS_REPORT], {201: examples.CREATED, 200: examples.CREATED}),
    ("get", "/address"): (_NONE, {200: examples.ADDRESSES}),
    ("get", "/address/{address_id}"): (_NONE, {200: examples.ADDRESS}),
    ("patch", "/address"): ([examples.ADDRESS_PATCH], {200: examples.ADDRESS_PATCHED}),
    ("post", "/address_type"): ([examples.ADDRESS_TYPE_REPORT], {201: examples.CREATED, 200: examples.CREATED}),
    ("get", "/address_type"): (_NONE, {200: examples.ADDRESS_TYPES}),
    ("get", "/address_type/{address_type_id}"): (_NONE, {200: examples.ADDRESS_TYPE}),
    ("post", "/address_lineage"): ([examples.LINEAGE], {201: examples.LINEAGE_CREATED}),
    ("post", "/anomaly_detection_rule"): ([examples.RULE_REPORT], {201: examples.CREATED, 200: examples.CREATED}),
    ("get", "/anomaly_detection_rule"): (_NONE, {200: examples.RULES}),
    ("get", "/anomaly_detection_rule/{anomaly_detection_rule_id}"): (_NONE, {200: examples.RULE}),
    ("patch", "/anomaly_detection_rule"): ([examples.RULE_PATCH], {200: examples.RULE_PATCHED}),
    ("post", "/unflag_anomaly"): ([examples.UNFLAG], {}),
    ("post", "/timeliness"): ([examples.TIMELINESS], {200: examples.QUEUED}),
    ("post", "/freshness"): (_NONE, {200: examples.QUEUED}),
    ("post", "/log_cleanup"): ([examples.CLEAN_UP], {200: examples.CLEANED_UP}),
    ("post", "/celery/monitor-queue"): (_NONE, {200: examples.QUEUE_CHECKED}),
}
"""By method and path: bodies that are sent, and those that are answered by status."""


def show(schema: dict[str, Any]) -> dict[str, Any]:
    """The OpenAPI document with the examples in it. On the models their fields would be sorted by name."""
    for (method, path), (sent, answered) in SHOWN.items():
        operation = schema["paths"][path][method]
        if sent:
            named = {f"example {number}": {"value": one} for number, one in enumerate(sent, 1)}
            operation["requestBody"]["content"]["application/json"]["examples"] = named
        for status, answer in answered.items():
            operation["responses"][str(status)]["content"]["application/json"]["example"] = answer
    return schema
