"""Needed by both services and owned by neither: settings, logs, metrics, Kafka connections."""
