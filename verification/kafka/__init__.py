"""Apache Kafka as a child process of ours: no Docker, no installed Java."""
