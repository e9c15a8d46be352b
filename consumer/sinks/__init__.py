"""Where decisions go: Kafka, and the sinks beside it."""
