"""A real cluster on one machine: Cassandra, etcd and engine nodes, each a process of its own on an address of its own.

    plan       which machines there are, and where each listens
    places     where downloads are kept, and where one cluster keeps its data, logs and state
    fetch      Java, Cassandra's jars, etcd: found, or fetched and checked against hashes
    process    starting, signalling and recognising one process
    cassandra, etcd   what one machine of a kind is started with, and when it is ready
    cluster    up, status, kill, pause, resume, restart, down: the whole, remembered in one file

For development, tests and demonstrations: nothing here guards a password or outlives the machine.
"""
