"""What the casino does: one pure decision a file, free of transport, store, clock and asyncio.

A command names its wallet, the rows that it reads (`keys`) and what is to happen (`decide`). A runner loads the rows, calls `decide`, commits what it
returns in one conditional write, and only then answers.
"""
