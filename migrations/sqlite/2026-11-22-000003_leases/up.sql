-- Which process sequences. Beside the ledger, never copied with it: one row a task, taken by a guarded update that makes its token larger.
CREATE TABLE leases (
  name    TEXT    NOT NULL PRIMARY KEY,
  holder  TEXT    NOT NULL,                       -- '' when nobody holds it
  address TEXT    NOT NULL,                       -- where the other processes reach the holder; '' when nowhere
  token   INTEGER NOT NULL CHECK (token >= 0),
  beat    INTEGER NOT NULL CHECK (beat >= 0)
) STRICT;
INSERT INTO leases (name, holder, address, token, beat) VALUES ('sequencer', '', '', 0, 0);
