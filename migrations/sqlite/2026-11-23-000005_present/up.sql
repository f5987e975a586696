-- The map of present states, whose root every header from now on commits to: pages of nodes, each by the nibbles that lead to it.
-- A projection: after this the program makes it from the invoices that are there.
CREATE TABLE state_pages (
  path  TEXT NOT NULL PRIMARY KEY CHECK (length(path) <= 63),
  nodes BLOB NOT NULL CHECK (length(nodes) > 0)
) STRICT, WITHOUT ROWID;

-- A program that does not know this table must not seal another block beside it.
CREATE TRIGGER blocks_commit_to_states BEFORE INSERT ON blocks
WHEN NEW.header NOT LIKE '%"state":"%' AND EXISTS (SELECT 1 FROM state_pages)
BEGIN SELECT RAISE (ABORT, 'the program is older than the ledger'); END;
