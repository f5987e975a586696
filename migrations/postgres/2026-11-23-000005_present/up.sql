-- The map of present states, whose root every header from now on commits to: pages of nodes, each by the nibbles that lead to it.
-- A projection: after this the program makes it from the invoices that are there.
CREATE TABLE state_pages (
  path  TEXT COLLATE "C" NOT NULL PRIMARY KEY CHECK (length(path) <= 63),
  nodes BYTEA NOT NULL CHECK (length(nodes) > 0)
);

-- A program that does not know this table must not seal another block beside it.
CREATE FUNCTION refuse_older_program () RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.header NOT LIKE '%"state":"%' AND EXISTS (SELECT 1 FROM state_pages) THEN
    RAISE EXCEPTION 'the program is older than the ledger';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER blocks_commit_to_states BEFORE INSERT ON blocks FOR EACH ROW EXECUTE FUNCTION refuse_older_program ();
