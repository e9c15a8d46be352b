"""What both services need and neither owns: settings, logs, metrics, Kafka connections."""
