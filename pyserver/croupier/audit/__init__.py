"""Proves a store from its own rows: chains, sums, records, seeds. Reads only, streams wallet by wallet, trusts nothing that can be recomputed.

run.py      every wallet, trial balance, totals
wallet.py   one wallet: its entries from the first to the head
session.py  one session inside it: seeds, client seeds, rounds in order
replay.py   one round, played again by the engine
report.py   what was found
"""
