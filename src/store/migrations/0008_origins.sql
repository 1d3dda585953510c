-- From where people did what they did: the address and what their program calls itself, both empty
-- where nothing is known. The audit only grows: nothing in it is changed, and it is forgotten by age alone.
ALTER TABLE audit ADD COLUMN address TEXT NOT NULL DEFAULT '';
ALTER TABLE audit ADD COLUMN agent TEXT NOT NULL DEFAULT '';
CREATE TRIGGER audit_only_grows BEFORE UPDATE ON audit
BEGIN
    SELECT RAISE(ABORT, 'the audit only grows');
END;
