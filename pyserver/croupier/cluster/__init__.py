"""Who is there and who leads: membership and elections behind two interfaces (membership.py); alone (single.py) or by etcd (etcd/)."""
