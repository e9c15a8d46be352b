"""The sinks of decisions: Kafka, and those beside it."""
