-- Who uses which key: a row for each key, address and place (app/function, app or gateway). Times are
-- event times; `days` is a postcard of the newest 30 days with uses and refusals of each. `several`: on more
-- than one day, so that it outlasts what is seen once.
CREATE TABLE key_callers (
    key           TEXT    NOT NULL,
    address       TEXT    NOT NULL,
    place         TEXT    NOT NULL,
    first_seen    INTEGER NOT NULL,
    last_seen     INTEGER NOT NULL,
    last_accepted INTEGER,
    several       INTEGER NOT NULL,
    days          BLOB    NOT NULL,
    PRIMARY KEY (key, address, place)
) STRICT, WITHOUT ROWID;
CREATE INDEX key_callers_to_go    ON key_callers (several, last_seen);
CREATE INDEX key_callers_by_place ON key_callers (place, last_seen);

-- What the control plane did to keys of a place.
CREATE TABLE key_changes (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    place     TEXT    NOT NULL,
    what      TEXT    NOT NULL,
    operation TEXT    NOT NULL,
    by_whom   TEXT    NOT NULL,
    at        INTEGER NOT NULL,
    UNIQUE (place, what, operation, at)
) STRICT;

-- The newest event time of each app and gateway: whether silence about a key is silence of its logs.
CREATE TABLE key_places (
    place TEXT    PRIMARY KEY,
    heard INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- One row: since when uses are noted, how far event time has come, and what had to give way.
CREATE TABLE key_usage (
    id      INTEGER PRIMARY KEY CHECK (id = 1),
    since   INTEGER NOT NULL,
    newest  INTEGER NOT NULL,
    lost    INTEGER NOT NULL,
    lost_at INTEGER
) STRICT;
