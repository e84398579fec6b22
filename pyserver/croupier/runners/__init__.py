"""Take decisions to the store, in order per wallet, and answer."""
