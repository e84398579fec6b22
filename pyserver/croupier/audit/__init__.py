"""Proves a store from its own rows: chains, sums, records, seeds. Reads only, streams wallet by wallet, trusts nothing that can be recomputed.

- `run`: every wallet, trial balance, totals.
- `wallet`: one wallet, its entries from the first to the head.
- `session`: one session inside it: seeds, client seeds, rounds in order.
- `live`: every wallet of a store that goes on changing.
- `history`: the whole, against an earlier copy.
- `report`: what was found.
"""
