"""The replicated store: wallets in Apache Cassandra, one partition each, changed by one conditional batch at a time."""
