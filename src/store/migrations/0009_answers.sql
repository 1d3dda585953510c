-- What answers questions about very many alerts.

-- Lists that may be long say of each alert what it is counted by without looking at the alert itself.
DROP INDEX alerts_by_time;
CREATE INDEX alerts_by_time ON alerts (last_seen DESC, id DESC, state, level, family, app, detector, class, assignee);
DROP INDEX alerts_unclosed;
CREATE INDEX alerts_unclosed ON alerts (last_seen DESC, id DESC, state, level, family, app, detector, assignee)
    WHERE state < 2;
DROP INDEX alerts_assigned;
CREATE INDEX alerts_assigned ON alerts (assignee, last_seen DESC, id DESC, state, level, family, app, detector)
    WHERE assignee IS NOT NULL;

-- How many alerts there are of each kind, kept as they come, change and go: `n` is never 0. No app and
-- no class are empty texts.
CREATE TABLE alert_counts (
    family   TEXT    NOT NULL,
    detector TEXT    NOT NULL,
    app      TEXT    NOT NULL,
    state    INTEGER NOT NULL,
    level    INTEGER NOT NULL,
    class    TEXT    NOT NULL,
    n        INTEGER NOT NULL,
    PRIMARY KEY (family, detector, app, state, level, class)
) STRICT, WITHOUT ROWID;
INSERT INTO alert_counts (family, detector, app, state, level, class, n)
    SELECT family, detector, ifnull(app, ''), state, level, ifnull(class, ''), count(*) FROM alerts GROUP BY 1, 2, 3, 4, 5, 6;

CREATE TRIGGER alert_counts_come AFTER INSERT ON alerts BEGIN
    INSERT INTO alert_counts (family, detector, app, state, level, class, n)
        VALUES (new.family, new.detector, ifnull(new.app, ''), new.state, new.level, ifnull(new.class, ''), 1)
        ON CONFLICT DO UPDATE SET n = n + 1;
END;

CREATE TRIGGER alert_counts_go AFTER DELETE ON alerts BEGIN
    UPDATE alert_counts SET n = n - 1
        WHERE family = old.family AND detector = old.detector AND app = ifnull(old.app, '')
          AND state = old.state AND level = old.level AND class = ifnull(old.class, '');
    DELETE FROM alert_counts
        WHERE family = old.family AND detector = old.detector AND app = ifnull(old.app, '')
          AND state = old.state AND level = old.level AND class = ifnull(old.class, '') AND n = 0;
END;

CREATE TRIGGER alert_counts_change AFTER UPDATE OF family, detector, app, state, level, class ON alerts
    WHEN (new.family, new.detector, new.app, new.state, new.level, new.class)
        IS NOT (old.family, old.detector, old.app, old.state, old.level, old.class) BEGIN
    UPDATE alert_counts SET n = n - 1
        WHERE family = old.family AND detector = old.detector AND app = ifnull(old.app, '')
          AND state = old.state AND level = old.level AND class = ifnull(old.class, '');
    DELETE FROM alert_counts
        WHERE family = old.family AND detector = old.detector AND app = ifnull(old.app, '')
          AND state = old.state AND level = old.level AND class = ifnull(old.class, '') AND n = 0;
    INSERT INTO alert_counts (family, detector, app, state, level, class, n)
        VALUES (new.family, new.detector, ifnull(new.app, ''), new.state, new.level, ifnull(new.class, ''), 1)
        ON CONFLICT DO UPDATE SET n = n + 1;
END;

-- One row: up to which line of the history any was let go, so that whoever follows it from there on is
-- told of the gap. Numbers of lines are never used twice.
CREATE TABLE history_gone (
    id   INTEGER PRIMARY KEY CHECK (id = 1),
    upto INTEGER NOT NULL
) STRICT;
INSERT INTO history_gone (id, upto) SELECT 1, ifnull(max(id), 0) FROM history;
