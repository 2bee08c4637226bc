"""Tests on real Apache Kafka; `realkafka` starts it, benchmarks use it too."""
