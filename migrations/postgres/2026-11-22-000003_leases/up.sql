-- Which process sequences. Beside the ledger, never copied with it: one row a task, taken by a guarded update that makes its token larger.
CREATE TABLE leases (
  name    TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  holder  TEXT COLLATE "C" NOT NULL,              -- '' when nobody holds it
  address TEXT COLLATE "C" NOT NULL,              -- where the other processes reach the holder; '' when nowhere
  token   BIGINT  NOT NULL CHECK (token >= 0),
  beat    BIGINT  NOT NULL CHECK (beat >= 0)
) WITH (fillfactor = 10);                         -- updated with every batch: new versions stay on its page
INSERT INTO leases (name, holder, address, token, beat) VALUES ('sequencer', '', '', 0, 0);
