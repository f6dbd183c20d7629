"""Grafana's dashboard and Prometheus' rules, held against the metrics that the code has."""
