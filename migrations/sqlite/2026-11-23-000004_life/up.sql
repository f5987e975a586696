-- What entries of version 2 need: the life of an invoice, red letters, keys that change hands, merchants' own books. Every table of the
-- ledger here is a projection: after this the program executes the entries of an older ledger once more and writes all of them anew.

-- First: a program that does not know these tables must not seal another block beside them. It can't, without its lease; and whatever it
-- is sealing now ends before this goes on.
ALTER TABLE leases RENAME TO leaderships;

-- An issuer key serves one merchant, once.
CREATE TABLE issuers (
  address     BLOB    NOT NULL PRIMARY KEY CHECK (length(address) = 20),
  merchant    TEXT    NOT NULL,
  since_entry INTEGER NOT NULL CHECK (since_entry >= 0),
  until_entry INTEGER,
  revoked     INTEGER NOT NULL CHECK (revoked IN (0, 1)),
  CHECK (until_entry > since_entry),
  CHECK (NOT revoked OR until_entry IS NOT NULL)
) STRICT;

-- How far each merchant's own entries have got.
CREATE TABLE journals (
  merchant TEXT    NOT NULL PRIMARY KEY,
  seq      INTEGER NOT NULL CHECK (seq > 0),
  running  BLOB    NOT NULL CHECK (length(running) = 32)
) STRICT;

CREATE TABLE days (
  merchant     TEXT    NOT NULL,
  date         TEXT    NOT NULL CHECK (length(date) = 10),
  figures      TEXT    NOT NULL,
  closed_entry INTEGER CHECK (closed_entry >= 0),
  PRIMARY KEY (merchant, date)
) STRICT, WITHOUT ROWID;
CREATE INDEX days_unclosed ON days (date, merchant) WHERE closed_entry IS NULL;

-- What red letters have taken back of a blue invoice: in total, of each line, under each rate. Never more than was there.
CREATE TABLE reversals (
  entry          INTEGER NOT NULL PRIMARY KEY CHECK (entry >= 0),
  letters        INTEGER NOT NULL CHECK (letters > 0),
  amount_fen     INTEGER NOT NULL CHECK (amount_fen >= 0),
  tax_fen        INTEGER NOT NULL CHECK (tax_fen >= 0),
  red_amount_fen INTEGER NOT NULL CHECK (red_amount_fen BETWEEN 0 AND amount_fen),
  red_tax_fen    INTEGER NOT NULL CHECK (red_tax_fen BETWEEN 0 AND tax_fen)
) STRICT;

CREATE TABLE reversed_lines (
  entry          INTEGER NOT NULL,
  line           INTEGER NOT NULL CHECK (line >= 0),
  rate           INTEGER NOT NULL CHECK (rate BETWEEN 0 AND 10000),
  quantity       INTEGER CHECK (quantity >= 0),
  red_quantity   INTEGER CHECK (red_quantity BETWEEN 0 AND quantity),
  amount_fen     INTEGER NOT NULL CHECK (amount_fen >= 0),
  tax_fen        INTEGER NOT NULL CHECK (tax_fen >= 0),
  red_amount_fen INTEGER NOT NULL CHECK (red_amount_fen BETWEEN 0 AND amount_fen),
  red_tax_fen    INTEGER NOT NULL CHECK (red_tax_fen BETWEEN 0 AND tax_fen),
  PRIMARY KEY (entry, line),
  CHECK ((quantity IS NULL) = (red_quantity IS NULL))
) STRICT, WITHOUT ROWID;

CREATE TABLE reversed_rates (
  entry          INTEGER NOT NULL,
  rate           INTEGER NOT NULL CHECK (rate BETWEEN 0 AND 10000),
  amount_fen     INTEGER NOT NULL CHECK (amount_fen >= 0),
  tax_fen        INTEGER NOT NULL CHECK (tax_fen >= 0),
  red_amount_fen INTEGER NOT NULL CHECK (red_amount_fen BETWEEN 0 AND amount_fen),
  red_tax_fen    INTEGER NOT NULL CHECK (red_tax_fen BETWEEN 0 AND tax_fen),
  PRIMARY KEY (entry, rate)
) STRICT, WITHOUT ROWID;

-- One row an invoice, so one holder an invoice.
CREATE TABLE lives (
  entry          INTEGER NOT NULL PRIMARY KEY CHECK (entry >= 0),
  state          TEXT    NOT NULL
                 CHECK (state IN ('open', 'locked', 'closed', 'pledged', 'settled', 'settled_locked', 'reversed')),
  fence          INTEGER NOT NULL CHECK (fence >= 0),
  holder         BLOB    CHECK (length(holder) = 32),
  lease_until_ms INTEGER,
  wallet         TEXT    NOT NULL CHECK (wallet IN ('unclaimed', 'claimed', 'discarded')),
  wallet_holder  BLOB    CHECK (length(wallet_holder) = 32),
  confirmation   INTEGER CHECK (confirmation >= 0),
  CHECK ((holder IS NOT NULL) = (state IN ('locked', 'closed', 'pledged', 'settled_locked'))),
  CHECK ((lease_until_ms IS NOT NULL) = (state IN ('locked', 'settled_locked'))),
  CHECK ((wallet_holder IS NOT NULL) = (wallet = 'claimed'))
) STRICT;

CREATE TABLE confirmations (
  entry        INTEGER NOT NULL PRIMARY KEY,
  invoice      INTEGER NOT NULL CHECK (invoice >= 0),
  merchant     TEXT    NOT NULL,
  buyer        BLOB    CHECK (length(buyer) = 32),
  by_seller    INTEGER NOT NULL CHECK (by_seller IN (0, 1)),
  asked        TEXT    NOT NULL,
  state        TEXT    NOT NULL CHECK (state IN ('01', '02', '03', '04', '05', '06', '07', '08', '09')),
  fence        INTEGER NOT NULL CHECK (fence >= 0),
  opened_at_ms INTEGER NOT NULL,
  until_ms     INTEGER NOT NULL,
  red_entry    INTEGER,
  CHECK (invoice < entry),
  CHECK (by_seller OR buyer IS NOT NULL),
  CHECK (until_ms > opened_at_ms),
  CHECK (red_entry > entry),
  CHECK (red_entry IS NULL OR state IN ('01', '04'))          -- only what needs no answer, or was agreed to, is used
) STRICT;
CREATE INDEX confirmations_of_merchant ON confirmations (merchant, entry);

-- Rules bind from a height on. Only the newest of a scope was kept so far: the entries have all of them.
CREATE TABLE rules_by_height (
  scope       TEXT    NOT NULL,
  from_height INTEGER NOT NULL CHECK (from_height >= 0),
  body        TEXT    NOT NULL,
  entry       INTEGER NOT NULL CHECK (entry >= 0),
  PRIMARY KEY (scope, from_height)
) STRICT, WITHOUT ROWID;
DROP TABLE rules;
ALTER TABLE rules_by_height RENAME TO rules;

ALTER TABLE merchants ADD COLUMN suspended_entry INTEGER CHECK (suspended_entry >= 0);
ALTER TABLE merchants ADD COLUMN issuer_revoked_entry INTEGER CHECK (issuer_revoked_entry >= 0);

-- Given back though it is still invoiced: a red letter is due.
ALTER TABLE payments ADD COLUMN awaiting_fen INTEGER NOT NULL DEFAULT 0
  CHECK (awaiting_fen >= 0 AND refunded_fen + awaiting_fen <= paid_fen);
CREATE INDEX payments_awaiting ON payments (merchant, entry) WHERE awaiting_fen > 0;

-- The blue invoice that a red one reverses.
ALTER TABLE invoices ADD COLUMN blue_entry INTEGER
  CHECK (blue_entry IS NULL OR (blue_entry >= 0 AND blue_entry < entry AND amount_fen <= 0 AND tax_fen <= 0));
CREATE INDEX invoices_reversing ON invoices (blue_entry) WHERE blue_entry IS NOT NULL;

-- A company that books invoices has keys of its own.
CREATE TABLE api_keys_of_companies (
  id            TEXT    NOT NULL PRIMARY KEY,
  key_hash      BLOB    NOT NULL UNIQUE CHECK (length(key_hash) = 32),
  role          TEXT    NOT NULL CHECK (role IN ('merchant', 'bureau', 'auditor', 'company')),
  merchant      TEXT,
  label         TEXT    NOT NULL,
  created_at_ms INTEGER NOT NULL,
  revoked_at_ms INTEGER,
  company       TEXT,                                         -- its taxpayer id
  CHECK ((role = 'merchant') = (merchant IS NOT NULL)),
  CHECK ((role = 'company') = (company IS NOT NULL))
) STRICT;
INSERT INTO api_keys_of_companies (id, key_hash, role, merchant, label, created_at_ms, revoked_at_ms)
  SELECT id, key_hash, role, merchant, label, created_at_ms, revoked_at_ms FROM api_keys;
DROP TABLE api_keys;
ALTER TABLE api_keys_of_companies RENAME TO api_keys;
