-- Keys in insertion order: no table that a batch writes has an index with random keys, which would make the ledger fade as it grows.
-- What is looked up by a random key (an idempotency key, a transaction id) is found by a 64-bit fingerprint of it.

-- Fingerprint to entry, filled behind the commit in sorted runs. Several entries may share a fingerprint: the entry tells.
CREATE TABLE lookups (
  fingerprint BIGINT NOT NULL,
  entry       BIGINT NOT NULL CHECK (entry >= 0),
  PRIMARY KEY (fingerprint, entry)
);

-- The keys of each block that may not have reached `lookups`: 16 bytes a key, fingerprint and entry, big-endian.
CREATE TABLE young_keys (
  height BIGINT NOT NULL PRIMARY KEY CHECK (height > 0),
  keys   BYTEA    NOT NULL CHECK (length(keys) % 16 = 0)
);

-- Up to and including this height everything is in `lookups`.
CREATE TABLE watermarks (
  name   TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  height BIGINT NOT NULL CHECK (height >= 0)
);

-- An answer is the entry itself: it has the key and the fingerprint of the request.
DROP TABLE answers;

CREATE TABLE payments_by_entry (
  entry          BIGINT NOT NULL PRIMARY KEY,
  provider       TEXT COLLATE "C" NOT NULL,
  transaction_id TEXT COLLATE "C" NOT NULL,
  merchant       TEXT COLLATE "C" NOT NULL,
  order_id       TEXT COLLATE "C" NOT NULL,
  paid_at_ms     BIGINT NOT NULL,
  paid_fen       BIGINT NOT NULL CHECK (paid_fen > 0),
  refunded_fen   BIGINT NOT NULL CHECK (refunded_fen >= 0),
  invoiced_fen   BIGINT NOT NULL CHECK (invoiced_fen >= 0),
  CHECK (refunded_fen <= paid_fen),
  CHECK (invoiced_fen <= paid_fen - refunded_fen)             -- never more invoiced than was paid and kept
);
INSERT INTO payments_by_entry
  SELECT entry, provider, transaction_id, merchant, order_id, paid_at_ms, paid_fen, refunded_fen, invoiced_fen FROM payments ORDER BY entry;

CREATE TABLE refunds_by_entry (
  entry          BIGINT NOT NULL PRIMARY KEY,
  provider       TEXT COLLATE "C" NOT NULL,
  refund_id      TEXT COLLATE "C" NOT NULL,
  transaction_id TEXT COLLATE "C" NOT NULL,
  amount_fen     BIGINT NOT NULL CHECK (amount_fen > 0)
);
INSERT INTO refunds_by_entry SELECT entry, provider, refund_id, transaction_id, amount_fen FROM refunds ORDER BY entry;

-- Who paid, by the payment's entry. Beside the ledger: personal.
CREATE TABLE payers_by_entry (
  entry  BIGINT NOT NULL PRIMARY KEY,
  openid TEXT COLLATE "C" NOT NULL
);
INSERT INTO payers_by_entry
  SELECT payments.entry, payers.openid FROM payers
  JOIN payments ON payments.provider = payers.provider AND payments.transaction_id = payers.transaction_id ORDER BY payments.entry;

DROP TABLE payments;
DROP TABLE refunds;
DROP TABLE payers;
ALTER TABLE payments_by_entry RENAME TO payments;
ALTER TABLE refunds_by_entry RENAME TO refunds;
ALTER TABLE payers_by_entry RENAME TO payers;
CREATE INDEX payments_of_merchant ON payments (merchant, entry);

DROP INDEX invoices_of_payment;

-- Hashes do not compress: do not try.
ALTER TABLE tiles ALTER COLUMN hashes SET STORAGE EXTERNAL;
ALTER TABLE young_keys ALTER COLUMN keys SET STORAGE EXTERNAL;

-- As they are named when made under their own names.
ALTER INDEX payments_by_entry_pkey RENAME TO payments_pkey;
ALTER INDEX refunds_by_entry_pkey RENAME TO refunds_pkey;
ALTER INDEX payers_by_entry_pkey RENAME TO payers_pkey;
