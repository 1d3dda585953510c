-- Dead letters can be tried again. What lists filter by stands before the bytes, so that they
-- need not be read; `size` is the record's before it was cut, `tried` when it failed again.
CREATE TABLE letters (
    id     INTEGER PRIMARY KEY AUTOINCREMENT,
    stream INTEGER NOT NULL,
    offset INTEGER NOT NULL,
    place  INTEGER NOT NULL,
    reason TEXT    NOT NULL,
    at     INTEGER NOT NULL,
    tried  INTEGER,
    size   INTEGER NOT NULL,
    bytes  BLOB    NOT NULL,
    UNIQUE (stream, offset, place)
) STRICT;

-- Of older ones it is not known whether they were cut after 16 KiB; near that they count as cut.
INSERT INTO letters (id, stream, offset, place, reason, at, size, bytes)
    SELECT id, stream, offset, place, reason, at,
           CASE WHEN length(bytes) < 16000 THEN length(bytes) ELSE 16385 END, bytes
    FROM dead_letters;
DROP TABLE dead_letters;
ALTER TABLE letters RENAME TO dead_letters;
CREATE INDEX dead_letters_by_reason ON dead_letters (reason, id);

-- Dead letters to try again, in the order they were asked for; a number is never used twice, for
-- it is an offset of the stream that the daemon reads here. outcome: 0 waiting, 1 decoded (it and
-- its letter go once none of its signals waits any more).
CREATE TABLE retries (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    letter  INTEGER NOT NULL UNIQUE,
    outcome INTEGER NOT NULL DEFAULT 0
) STRICT;
