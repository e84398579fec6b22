"""A visible session against a demo server: `python -m croupier_client.demo`."""
