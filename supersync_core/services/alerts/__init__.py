"""Alerts are told: expanded into deliveries for the channels that want them, sent, tried again, and seen by anybody."""

from supersync_core.ledger.deliveries import DeliveryFilter
from supersync_core.services.alerts.delivering import Delivered, Post, deliver
from supersync_core.services.alerts.expanding import expand_alerts
from supersync_core.services.alerts.reading import list_alerts, list_deliveries, resend_delivery

__all__ = [
    "Delivered",
    "DeliveryFilter",
    "Post",
    "deliver",
    "expand_alerts",
    "list_alerts",
    "list_deliveries",
    "resend_delivery",
]
