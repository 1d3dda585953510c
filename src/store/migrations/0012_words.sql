-- Words stood under the number of a line of the activity, not of their alert. They are written anew, by the
-- program: see `alert_rows.rs`.
DROP TABLE alert_words;
CREATE VIRTUAL TABLE alert_words USING fts5 (
    text, content = '', contentless_delete = 1, tokenize = 'unicode61', prefix = '2 3'
);

-- What alerts are counted by, and whose they are, stands in every index that lists are read from, so that
-- counting reads no whole alert.
DROP INDEX alerts_severe;
CREATE INDEX alerts_severe
    ON alerts (last_seen DESC, id DESC, state, level, family, app, detector, class, assignee) WHERE level >= 3;
DROP INDEX alerts_by_app;
CREATE INDEX alerts_by_app
    ON alerts (app, last_seen DESC, id DESC, state, level, family, detector, class, assignee);
DROP INDEX alerts_by_family;
CREATE INDEX alerts_by_family
    ON alerts (family, last_seen DESC, id DESC, state, level, app, detector, class, assignee);
DROP INDEX alerts_by_detector;
CREATE INDEX alerts_by_detector
    ON alerts (detector, last_seen DESC, id DESC, state, level, family, app, class, assignee);
DROP INDEX alerts_by_entity;
CREATE INDEX alerts_by_entity
    ON alerts (entity, last_seen DESC, id DESC, entity_kind, state, level, family, app, detector, class, assignee);
DROP INDEX alerts_assigned;
CREATE INDEX alerts_assigned
    ON alerts (assignee, last_seen DESC, id DESC, state, level, family, app, detector, class)
    WHERE assignee IS NOT NULL;
DROP INDEX alerts_judged;
CREATE INDEX alerts_judged
    ON alerts (class, last_seen DESC, id DESC, state, level, family, app, detector, assignee)
    WHERE class IS NOT NULL;
