-- The fences of singletons: raised by one at each term, so that what an earlier term still wants to write is refused.
CREATE TABLE singleton (
    name   TEXT PRIMARY KEY,
    fence  INTEGER NOT NULL,
    holder TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- What singletons remember under their fences.
CREATE TABLE fenced (
    name TEXT NOT NULL,
    item TEXT NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (name, item)
) STRICT, WITHOUT ROWID;
