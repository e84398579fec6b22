-- One row a wallet: the head that every conditional write is checked against.
CREATE TABLE wallet (
    no                   INTEGER PRIMARY KEY,
    operator             TEXT NOT NULL,
    player               TEXT NOT NULL,
    currency             TEXT NOT NULL,
    balance_micros       INTEGER NOT NULL CHECK (balance_micros >= 0),
    revision             INTEGER NOT NULL,
    chain_hash           BLOB NOT NULL,
    epoch                INTEGER NOT NULL,
    epoch_first_revision INTEGER NOT NULL,
    deposited_micros     INTEGER NOT NULL,
    withdrawn_micros     INTEGER NOT NULL,
    staked_micros        INTEGER NOT NULL,
    paid_micros          INTEGER NOT NULL,
    create_time_ms       INTEGER NOT NULL,
    UNIQUE (operator, player, currency)
) STRICT;

-- Sessions, seeds, rounds, transfers and epochs, as MessagePack. The id comes before the wallet: UUIDv7 ids grow with time, so new rows go to the end.
CREATE TABLE record (
    kind   INTEGER NOT NULL,
    id     BLOB NOT NULL,
    wallet INTEGER NOT NULL,
    body   BLOB NOT NULL,
    PRIMARY KEY (kind, id, wallet)
) STRICT, WITHOUT ROWID;

-- The ledger, in order of commits.
CREATE TABLE entry (
    seq             INTEGER PRIMARY KEY,
    wallet          INTEGER NOT NULL,
    revision        INTEGER NOT NULL,
    epoch           INTEGER NOT NULL,
    kind            INTEGER NOT NULL,
    reference       BLOB NOT NULL,
    session         BLOB NOT NULL,
    step            INTEGER NOT NULL,
    stake_micros    INTEGER NOT NULL,
    payout_micros   INTEGER NOT NULL,
    transfer_micros INTEGER NOT NULL,
    balance_micros  INTEGER NOT NULL,
    time_ms         INTEGER NOT NULL,
    detail          BLOB NOT NULL,
    chain_hash      BLOB NOT NULL
) STRICT;

CREATE UNIQUE INDEX entry_by_wallet ON entry (wallet, revision);

-- Operators, API keys, game switches: small records with a version each. The digest covers the rest of the row: no chain does.
CREATE TABLE document (
    kind    TEXT NOT NULL,
    id      TEXT NOT NULL,
    version INTEGER NOT NULL,
    body    BLOB NOT NULL,
    digest  BLOB NOT NULL,
    PRIMARY KEY (kind, id)
) STRICT, WITHOUT ROWID;
