-- What was observed of apps, gateways and endpoints: a sort, a key and bytes that the threat model reads.
CREATE TABLE posture (
    sort  INTEGER NOT NULL,
    key   TEXT    NOT NULL,
    value BLOB    NOT NULL,
    PRIMARY KEY (sort, key)
) STRICT, WITHOUT ROWID;

-- What has changed of the threat model, in the order in which it was told; the newest are kept.
CREATE TABLE drifts (
    id    INTEGER PRIMARY KEY AUTOINCREMENT,
    value BLOB NOT NULL
) STRICT;
