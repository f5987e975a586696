-- The ledger: what was sealed. Append only: the triggers below refuse update and delete.
CREATE TABLE rosters (
  from_height INTEGER NOT NULL PRIMARY KEY CHECK (from_height >= 0),
  roster      TEXT    NOT NULL
) STRICT;

CREATE TABLE blocks (
  height INTEGER NOT NULL PRIMARY KEY CHECK (height >= 0),
  hash   BLOB    NOT NULL CHECK (length(hash) = 32),
  prev   BLOB    NOT NULL UNIQUE CHECK (length(prev) = 32),   -- one successor a block: no second history
  size   INTEGER NOT NULL CHECK (size >= 0),
  header TEXT    NOT NULL
) STRICT;

CREATE TABLE seals (
  height    INTEGER NOT NULL REFERENCES blocks (height),
  member    TEXT    NOT NULL,
  round     INTEGER NOT NULL CHECK (round >= 0),
  signature BLOB    NOT NULL CHECK (length(signature) = 64),
  PRIMARY KEY (height, member)
) STRICT, WITHOUT ROWID;

CREATE TABLE entries (
  idx    INTEGER NOT NULL PRIMARY KEY CHECK (idx >= 0),
  height INTEGER NOT NULL,
  kind   TEXT    NOT NULL,
  leaf   BLOB    NOT NULL CHECK (length(leaf) = 32),
  entry  TEXT    NOT NULL
) STRICT;

-- Merkle tiles of up to 256 hashes. The rightmost tile of a level grows until it is full.
CREATE TABLE tiles (
  level  INTEGER NOT NULL CHECK (level BETWEEN 0 AND 7),
  idx    INTEGER NOT NULL CHECK (idx >= 0),
  hashes BLOB    NOT NULL CHECK (length(hashes) % 32 = 0 AND length(hashes) BETWEEN 32 AND 8192),
  PRIMARY KEY (level, idx)
) STRICT;

-- Projections: each can be rebuilt from the entries. The constraints are the guarantees of design.md 5.
CREATE TABLE merchants (
  id               TEXT    NOT NULL PRIMARY KEY,
  taxpayer_id      TEXT    NOT NULL UNIQUE,
  name             TEXT    NOT NULL,
  address_phone    TEXT,
  bank_account     TEXT,
  mchid            TEXT    UNIQUE,
  issuer           BLOB    NOT NULL CHECK (length(issuer) = 20),
  issue_on_payment INTEGER NOT NULL CHECK (issue_on_payment IN (0, 1)),
  entry            INTEGER NOT NULL UNIQUE
) STRICT;

CREATE TABLE rules (
  scope TEXT    NOT NULL PRIMARY KEY,
  body  TEXT    NOT NULL,
  entry INTEGER NOT NULL
) STRICT;

CREATE TABLE quotas (
  merchant  TEXT    NOT NULL,
  month     TEXT    NOT NULL CHECK (length(month) = 7),
  invoices  INTEGER NOT NULL CHECK (invoices >= 0),
  total_fen INTEGER NOT NULL,
  PRIMARY KEY (merchant, month)
) STRICT, WITHOUT ROWID;

CREATE TABLE payments (
  provider       TEXT    NOT NULL,
  transaction_id TEXT    NOT NULL,
  merchant       TEXT    NOT NULL,
  order_id       TEXT    NOT NULL,
  paid_at_ms     INTEGER NOT NULL,
  paid_fen       INTEGER NOT NULL CHECK (paid_fen > 0),
  refunded_fen   INTEGER NOT NULL CHECK (refunded_fen >= 0),
  invoiced_fen   INTEGER NOT NULL CHECK (invoiced_fen >= 0),
  entry          INTEGER NOT NULL UNIQUE,
  PRIMARY KEY (provider, transaction_id),
  CHECK (refunded_fen <= paid_fen),
  CHECK (invoiced_fen <= paid_fen - refunded_fen)             -- never more invoiced than was paid and kept
) STRICT;
CREATE INDEX payments_of_merchant ON payments (merchant, entry);
CREATE INDEX payments_of_order ON payments (merchant, order_id);

CREATE TABLE refunds (
  provider       TEXT    NOT NULL,
  refund_id      TEXT    NOT NULL,
  transaction_id TEXT    NOT NULL,
  amount_fen     INTEGER NOT NULL CHECK (amount_fen > 0),
  entry          INTEGER NOT NULL UNIQUE,
  PRIMARY KEY (provider, refund_id)
) STRICT;

CREATE TABLE sequences (
  name   TEXT    NOT NULL PRIMARY KEY,
  issued INTEGER NOT NULL CHECK (issued >= 0)
) STRICT;

-- One entry per (caller, idempotency key).
CREATE TABLE answers (
  scope           TEXT    NOT NULL,
  idempotency_key TEXT    NOT NULL,
  request         BLOB    NOT NULL CHECK (length(request) = 32),
  entry           INTEGER NOT NULL UNIQUE,
  PRIMARY KEY (scope, idempotency_key)
) STRICT, WITHOUT ROWID;

CREATE TABLE invoices (
  entry          INTEGER NOT NULL PRIMARY KEY,
  code           TEXT    NOT NULL CHECK (length(code) = 12),
  number         TEXT    NOT NULL CHECK (length(number) = 8),
  merchant       TEXT    NOT NULL,
  date           TEXT    NOT NULL CHECK (length(date) = 10),
  buyer          TEXT    NOT NULL,
  amount_fen     INTEGER NOT NULL,
  tax_fen        INTEGER NOT NULL,
  total_fen      INTEGER NOT NULL CHECK (total_fen = amount_fen + tax_fen),
  provider       TEXT,
  transaction_id TEXT,
  UNIQUE (number, code)                                       -- number first: the verify page knows only the number
) STRICT;
CREATE INDEX invoices_of_merchant ON invoices (merchant, entry);
CREATE INDEX invoices_of_payment ON invoices (provider, transaction_id) WHERE provider IS NOT NULL;

-- Beside the ledger: what the service needs and no entry tells.
CREATE TABLE outbox (
  entry      INTEGER NOT NULL,
  topic      TEXT    NOT NULL,
  state      TEXT    NOT NULL CHECK (state IN ('pending', 'dead')),
  attempts   INTEGER NOT NULL CHECK (attempts >= 0),
  next_at_ms INTEGER NOT NULL,
  last_error TEXT,
  PRIMARY KEY (entry, topic)
) STRICT, WITHOUT ROWID;

CREATE TABLE orders (
  merchant       TEXT    NOT NULL,
  order_id       TEXT    NOT NULL,
  body           TEXT    NOT NULL,
  received_at_ms INTEGER NOT NULL,
  PRIMARY KEY (merchant, order_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE payers (
  provider       TEXT NOT NULL,
  transaction_id TEXT NOT NULL,
  openid         TEXT NOT NULL,
  PRIMARY KEY (provider, transaction_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE api_keys (
  id            TEXT    NOT NULL PRIMARY KEY,
  key_hash      BLOB    NOT NULL UNIQUE CHECK (length(key_hash) = 32),
  role          TEXT    NOT NULL CHECK (role IN ('merchant', 'bureau', 'auditor')),
  merchant      TEXT,
  label         TEXT    NOT NULL,
  created_at_ms INTEGER NOT NULL,
  revoked_at_ms INTEGER,
  CHECK ((role = 'merchant') = (merchant IS NOT NULL))
) STRICT;

CREATE TABLE custody_keys (
  issuer        BLOB    NOT NULL PRIMARY KEY CHECK (length(issuer) = 20),
  sealed        BLOB    NOT NULL,
  created_at_ms INTEGER NOT NULL
) STRICT;

CREATE TRIGGER rosters_no_update BEFORE UPDATE ON rosters BEGIN SELECT RAISE (ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER rosters_no_delete BEFORE DELETE ON rosters BEGIN SELECT RAISE (ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER blocks_no_update BEFORE UPDATE ON blocks BEGIN SELECT RAISE (ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER blocks_no_delete BEFORE DELETE ON blocks BEGIN SELECT RAISE (ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER seals_no_update BEFORE UPDATE ON seals BEGIN SELECT RAISE (ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER seals_no_delete BEFORE DELETE ON seals BEGIN SELECT RAISE (ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER entries_no_update BEFORE UPDATE ON entries BEGIN SELECT RAISE (ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER entries_no_delete BEFORE DELETE ON entries BEGIN SELECT RAISE (ABORT, 'the ledger is append-only'); END;
