-- The ledger: what was sealed. Append only: the triggers below refuse update, delete and truncate. Text is ordered by its bytes
-- (COLLATE "C"), as on SQLite.
CREATE TABLE rosters (
  from_height BIGINT  NOT NULL PRIMARY KEY CHECK (from_height >= 0),
  roster      TEXT COLLATE "C" NOT NULL
);

CREATE TABLE blocks (
  height BIGINT  NOT NULL PRIMARY KEY CHECK (height >= 0),
  hash   BYTEA   NOT NULL CHECK (length(hash) = 32),
  prev   BYTEA   NOT NULL UNIQUE CHECK (length(prev) = 32),   -- one successor a block: no second history
  size   BIGINT  NOT NULL CHECK (size >= 0),
  header TEXT COLLATE "C" NOT NULL
);

CREATE TABLE seals (
  height    BIGINT  NOT NULL REFERENCES blocks (height),
  member    TEXT COLLATE "C" NOT NULL,
  round     BIGINT  NOT NULL CHECK (round >= 0),
  signature BYTEA   NOT NULL CHECK (length(signature) = 64),
  PRIMARY KEY (height, member)
);

CREATE TABLE entries (
  idx    BIGINT  NOT NULL PRIMARY KEY CHECK (idx >= 0),
  height BIGINT  NOT NULL,
  kind   TEXT COLLATE "C" NOT NULL,
  leaf   BYTEA   NOT NULL CHECK (length(leaf) = 32),
  entry  TEXT COLLATE "C" NOT NULL
) WITH (toast_tuple_target = 8160);                           -- an entry of 2 KB stays in its row, whole and uncompressed
ALTER TABLE entries ALTER COLUMN entry SET STORAGE EXTERNAL;

-- Merkle tiles of up to 256 hashes. The rightmost tile of a level grows until it is full.
CREATE TABLE tiles (
  level  BIGINT  NOT NULL CHECK (level BETWEEN 0 AND 7),
  idx    BIGINT  NOT NULL CHECK (idx >= 0),
  hashes BYTEA   NOT NULL CHECK (length(hashes) % 32 = 0 AND length(hashes) BETWEEN 32 AND 8192),
  PRIMARY KEY (level, idx)
);

-- Projections: each can be rebuilt from the entries. The constraints are the guarantees of design.md 5.
CREATE TABLE merchants (
  id               TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  taxpayer_id      TEXT COLLATE "C" NOT NULL UNIQUE,
  name             TEXT COLLATE "C" NOT NULL,
  address_phone    TEXT COLLATE "C",
  bank_account     TEXT COLLATE "C",
  mchid            TEXT COLLATE "C" UNIQUE,
  issuer           BYTEA   NOT NULL CHECK (length(issuer) = 20),
  issue_on_payment BOOLEAN NOT NULL,
  entry            BIGINT  NOT NULL UNIQUE
);

CREATE TABLE rules (
  scope TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  body  TEXT COLLATE "C" NOT NULL,
  entry BIGINT  NOT NULL
);

CREATE TABLE quotas (
  merchant  TEXT COLLATE "C" NOT NULL,
  month     TEXT COLLATE "C" NOT NULL CHECK (length(month) = 7),
  invoices  BIGINT  NOT NULL CHECK (invoices >= 0),
  total_fen BIGINT  NOT NULL,
  PRIMARY KEY (merchant, month)
);

CREATE TABLE payments (
  provider       TEXT COLLATE "C" NOT NULL,
  transaction_id TEXT COLLATE "C" NOT NULL,
  merchant       TEXT COLLATE "C" NOT NULL,
  order_id       TEXT COLLATE "C" NOT NULL,
  paid_at_ms     BIGINT  NOT NULL,
  paid_fen       BIGINT  NOT NULL CHECK (paid_fen > 0),
  refunded_fen   BIGINT  NOT NULL CHECK (refunded_fen >= 0),
  invoiced_fen   BIGINT  NOT NULL CHECK (invoiced_fen >= 0),
  entry          BIGINT  NOT NULL UNIQUE,
  PRIMARY KEY (provider, transaction_id),
  CHECK (refunded_fen <= paid_fen),
  CHECK (invoiced_fen <= paid_fen - refunded_fen)             -- never more invoiced than was paid and kept
);
CREATE INDEX payments_of_merchant ON payments (merchant, entry);
CREATE INDEX payments_of_order ON payments (merchant, order_id);

CREATE TABLE refunds (
  provider       TEXT COLLATE "C" NOT NULL,
  refund_id      TEXT COLLATE "C" NOT NULL,
  transaction_id TEXT COLLATE "C" NOT NULL,
  amount_fen     BIGINT  NOT NULL CHECK (amount_fen > 0),
  entry          BIGINT  NOT NULL UNIQUE,
  PRIMARY KEY (provider, refund_id)
);

CREATE TABLE sequences (
  name   TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  issued BIGINT  NOT NULL CHECK (issued >= 0)
);

-- One entry per (caller, idempotency key).
CREATE TABLE answers (
  scope           TEXT COLLATE "C" NOT NULL,
  idempotency_key TEXT COLLATE "C" NOT NULL,
  request         BYTEA   NOT NULL CHECK (length(request) = 32),
  entry           BIGINT  NOT NULL UNIQUE,
  PRIMARY KEY (scope, idempotency_key)
);

CREATE TABLE invoices (
  entry          BIGINT  NOT NULL PRIMARY KEY,
  code           TEXT COLLATE "C" NOT NULL CHECK (length(code) = 12),
  number         TEXT COLLATE "C" NOT NULL CHECK (length(number) = 8),
  merchant       TEXT COLLATE "C" NOT NULL,
  date           TEXT COLLATE "C" NOT NULL CHECK (length(date) = 10),
  buyer          TEXT COLLATE "C" NOT NULL,
  amount_fen     BIGINT  NOT NULL,
  tax_fen        BIGINT  NOT NULL,
  total_fen      BIGINT  NOT NULL CHECK (total_fen = amount_fen + tax_fen),
  provider       TEXT COLLATE "C",
  transaction_id TEXT COLLATE "C",
  UNIQUE (number, code)                                       -- number first: the verify page knows only the number
);
CREATE INDEX invoices_of_merchant ON invoices (merchant, entry);
CREATE INDEX invoices_of_payment ON invoices (provider, transaction_id) WHERE provider IS NOT NULL;

-- Beside the ledger: what the service needs and no entry tells.
CREATE TABLE outbox (
  entry      BIGINT  NOT NULL,
  topic      TEXT COLLATE "C" NOT NULL,
  state      TEXT COLLATE "C" NOT NULL CHECK (state IN ('pending', 'dead')),
  attempts   BIGINT  NOT NULL CHECK (attempts >= 0),
  next_at_ms BIGINT  NOT NULL,
  last_error TEXT COLLATE "C",
  PRIMARY KEY (entry, topic)
);

CREATE TABLE orders (
  merchant       TEXT COLLATE "C" NOT NULL,
  order_id       TEXT COLLATE "C" NOT NULL,
  body           TEXT COLLATE "C" NOT NULL,
  received_at_ms BIGINT  NOT NULL,
  PRIMARY KEY (merchant, order_id)
);

CREATE TABLE payers (
  provider       TEXT COLLATE "C" NOT NULL,
  transaction_id TEXT COLLATE "C" NOT NULL,
  openid         TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (provider, transaction_id)
);

CREATE TABLE api_keys (
  id            TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  key_hash      BYTEA   NOT NULL UNIQUE CHECK (length(key_hash) = 32),
  role          TEXT COLLATE "C" NOT NULL CHECK (role IN ('merchant', 'bureau', 'auditor')),
  merchant      TEXT COLLATE "C",
  label         TEXT COLLATE "C" NOT NULL,
  created_at_ms BIGINT  NOT NULL,
  revoked_at_ms BIGINT,
  CHECK ((role = 'merchant') = (merchant IS NOT NULL))
);

CREATE TABLE custody_keys (
  issuer        BYTEA   NOT NULL PRIMARY KEY CHECK (length(issuer) = 20),
  sealed        BYTEA   NOT NULL,
  created_at_ms BIGINT  NOT NULL
);

CREATE FUNCTION refuse_change () RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the ledger is append-only';
END $$;

CREATE TRIGGER rosters_no_change BEFORE UPDATE OR DELETE ON rosters FOR EACH ROW EXECUTE FUNCTION refuse_change ();
CREATE TRIGGER rosters_no_truncate BEFORE TRUNCATE ON rosters FOR EACH STATEMENT EXECUTE FUNCTION refuse_change ();
CREATE TRIGGER blocks_no_change BEFORE UPDATE OR DELETE ON blocks FOR EACH ROW EXECUTE FUNCTION refuse_change ();
CREATE TRIGGER blocks_no_truncate BEFORE TRUNCATE ON blocks FOR EACH STATEMENT EXECUTE FUNCTION refuse_change ();
CREATE TRIGGER seals_no_change BEFORE UPDATE OR DELETE ON seals FOR EACH ROW EXECUTE FUNCTION refuse_change ();
CREATE TRIGGER seals_no_truncate BEFORE TRUNCATE ON seals FOR EACH STATEMENT EXECUTE FUNCTION refuse_change ();
CREATE TRIGGER entries_no_change BEFORE UPDATE OR DELETE ON entries FOR EACH ROW EXECUTE FUNCTION refuse_change ();
CREATE TRIGGER entries_no_truncate BEFORE TRUNCATE ON entries FOR EACH STATEMENT EXECUTE FUNCTION refuse_change ();
