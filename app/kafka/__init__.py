"""The promise to publish, and how Kafka keeps it."""
