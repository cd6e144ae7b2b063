"""A producer of librdkafka, with its errors in our words."""

import time
from collections.abc import Callable
from typing import Any, cast

from confluent_kafka import KafkaError, KafkaException, Producer

from supersync_core.connectors.interrupt import Interrupt
from supersync_core.connectors.kafka.change_config import ChangeSinkConfig
from supersync_core.errors import (
    AbortError,
    AccessDenied,
    ConfigError,
    LeaseLost,
    NotFound,
    SupersyncError,
    Unavailable,
)

POLL_S = 0.2
"""How long a call into librdkafka lasts at most: then it is looked whether somebody has cancelled."""

DENIED = {
    KafkaError._AUTHENTICATION,
    KafkaError.SASL_AUTHENTICATION_FAILED,
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.CLUSTER_AUTHORIZATION_FAILED,
    KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
}
FENCED = {KafkaError._FENCED, KafkaError.PRODUCER_FENCED, KafkaError.INVALID_PRODUCER_EPOCH}
TOO_LARGE = {KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.RECORD_LIST_TOO_LARGE, KafkaError.INVALID_MSG_SIZE}
NO_TOPIC = {
    KafkaError.TOPIC_EXCEPTION,
    KafkaError._UNKNOWN_TOPIC,
    KafkaError._UNKNOWN_PARTITION,
    KafkaError.UNKNOWN_TOPIC_OR_PART,
}
_AWAY = {KafkaError._TIMED_OUT, KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN}


def build_producer(
    config: ChangeSinkConfig, transactional_id: str | None, on_error: Callable[[KafkaError], None]
) -> Producer:
    """A producer that has not spoken to the cluster yet. Raises ConfigError for a setting that librdkafka refuses."""
    timeout_ms = round(config.send_timeout_secs * 1000)
    settings: dict[str, Any] = {
        "linger.ms": 5,
        "queue.buffering.max.messages": 1_000_000,
        "message.timeout.ms": timeout_ms,
        "log_level": 0,
        **{name: value.get_secret_value() for name, value in config.client_conf.items()},
        "bootstrap.servers": config.brokers,
        "enable.idempotence": True,
        "acks": "all",
        "error_cb": on_error,
    }
    if transactional_id:
        settings |= {"transactional.id": transactional_id, "transaction.timeout.ms": max(1000, timeout_ms)}
    try:
        return Producer(settings)
    except (KafkaException, TypeError, ValueError) as error:
        raise ConfigError(f"librdkafka refuses the configuration: {_words(error)}") from None


def translated(error: KafkaError) -> SupersyncError:
    """librdkafka's error as ours."""
    words = f"Kafka: {error.str()}"
    if error.code() in FENCED:
        return LeaseLost(f"{words}: another run produces for this sink")
    if error.code() in DENIED:
        return AccessDenied(words)
    if error.code() in NO_TOPIC:
        return NotFound(f"{words}: make the topic, or allow the cluster to")
    if error.fatal():
        return AbortError(words)
    return Unavailable(words)


def of_exception(error: KafkaException) -> KafkaError:
    """What a driver's exception is about."""
    return cast(KafkaError, error.args[0])


def patiently(call: Callable[[float], None], interrupt: Interrupt, deadline: float) -> None:
    """Repeat a call that may be repeated after a timeout, until the deadline. Raises our errors."""
    while True:
        interrupt.raise_if_set()
        try:
            call(POLL_S)
        except KafkaException as error:
            cause = of_exception(error)
            if not (cause.retriable() or cause.code() in _AWAY) or time.monotonic() > deadline:
                raise translated(cause) from error
        else:
            return


def _words(error: Exception) -> str:
    return of_exception(error).str() if isinstance(error, KafkaException) else str(error)
