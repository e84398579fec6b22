"""Where wallets are kept. `store.py` says what a store is; each other file is one."""
