"""kshell: psql for Kafka."""

__version__ = "0.2.0"
