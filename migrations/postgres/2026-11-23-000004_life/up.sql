-- What entries of version 2 need: the life of an invoice, red letters, keys that change hands, merchants' own books. Every table of the
-- ledger here is a projection: after this the program executes the entries of an older ledger once more and writes all of them anew.

-- First: a program that does not know these tables must not seal another block beside them. It can't, without its lease; and whatever it
-- is sealing now ends before this goes on.
ALTER TABLE leases RENAME TO leaderships;

-- An issuer key serves one merchant, once.
CREATE TABLE issuers (
  address     BYTEA   NOT NULL PRIMARY KEY CHECK (length(address) = 20),
  merchant    TEXT COLLATE "C" NOT NULL,
  since_entry BIGINT  NOT NULL CHECK (since_entry >= 0),
  until_entry BIGINT,
  revoked     BOOLEAN NOT NULL,
  CHECK (until_entry > since_entry),
  CHECK (NOT revoked OR until_entry IS NOT NULL)
);

-- How far each merchant's own entries have got.
CREATE TABLE journals (
  merchant TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  seq      BIGINT  NOT NULL CHECK (seq > 0),
  running  BYTEA   NOT NULL CHECK (length(running) = 32)
);

CREATE TABLE days (
  merchant     TEXT COLLATE "C" NOT NULL,
  date         TEXT COLLATE "C" NOT NULL CHECK (length(date) = 10),
  figures      TEXT COLLATE "C" NOT NULL,
  closed_entry BIGINT CHECK (closed_entry >= 0),
  PRIMARY KEY (merchant, date)
);
CREATE INDEX days_unclosed ON days (date, merchant) WHERE closed_entry IS NULL;

-- What red letters have taken back of a blue invoice: in total, of each line, under each rate. Never more than was there.
CREATE TABLE reversals (
  entry          BIGINT  NOT NULL PRIMARY KEY CHECK (entry >= 0),
  letters        BIGINT  NOT NULL CHECK (letters > 0),
  amount_fen     BIGINT  NOT NULL CHECK (amount_fen >= 0),
  tax_fen        BIGINT  NOT NULL CHECK (tax_fen >= 0),
  red_amount_fen BIGINT  NOT NULL CHECK (red_amount_fen BETWEEN 0 AND amount_fen),
  red_tax_fen    BIGINT  NOT NULL CHECK (red_tax_fen BETWEEN 0 AND tax_fen)
);

CREATE TABLE reversed_lines (
  entry          BIGINT  NOT NULL,
  line           BIGINT  NOT NULL CHECK (line >= 0),
  rate           BIGINT  NOT NULL CHECK (rate BETWEEN 0 AND 10000),
  quantity       BIGINT CHECK (quantity >= 0),
  red_quantity   BIGINT CHECK (red_quantity BETWEEN 0 AND quantity),
  amount_fen     BIGINT  NOT NULL CHECK (amount_fen >= 0),
  tax_fen        BIGINT  NOT NULL CHECK (tax_fen >= 0),
  red_amount_fen BIGINT  NOT NULL CHECK (red_amount_fen BETWEEN 0 AND amount_fen),
  red_tax_fen    BIGINT  NOT NULL CHECK (red_tax_fen BETWEEN 0 AND tax_fen),
  PRIMARY KEY (entry, line),
  CHECK ((quantity IS NULL) = (red_quantity IS NULL))
);

CREATE TABLE reversed_rates (
  entry          BIGINT  NOT NULL,
  rate           BIGINT  NOT NULL CHECK (rate BETWEEN 0 AND 10000),
  amount_fen     BIGINT  NOT NULL CHECK (amount_fen >= 0),
  tax_fen        BIGINT  NOT NULL CHECK (tax_fen >= 0),
  red_amount_fen BIGINT  NOT NULL CHECK (red_amount_fen BETWEEN 0 AND amount_fen),
  red_tax_fen    BIGINT  NOT NULL CHECK (red_tax_fen BETWEEN 0 AND tax_fen),
  PRIMARY KEY (entry, rate)
);

-- One row an invoice, so one holder an invoice.
CREATE TABLE lives (
  entry          BIGINT  NOT NULL PRIMARY KEY CHECK (entry >= 0),
  state          TEXT COLLATE "C" NOT NULL
                 CHECK (state IN ('open', 'locked', 'closed', 'pledged', 'settled', 'settled_locked', 'reversed')),
  fence          BIGINT  NOT NULL CHECK (fence >= 0),
  holder         BYTEA CHECK (length(holder) = 32),
  lease_until_ms BIGINT,
  wallet         TEXT COLLATE "C" NOT NULL CHECK (wallet IN ('unclaimed', 'claimed', 'discarded')),
  wallet_holder  BYTEA CHECK (length(wallet_holder) = 32),
  confirmation   BIGINT CHECK (confirmation >= 0),
  CHECK ((holder IS NOT NULL) = (state IN ('locked', 'closed', 'pledged', 'settled_locked'))),
  CHECK ((lease_until_ms IS NOT NULL) = (state IN ('locked', 'settled_locked'))),
  CHECK ((wallet_holder IS NOT NULL) = (wallet = 'claimed'))
);

CREATE TABLE confirmations (
  entry        BIGINT  NOT NULL PRIMARY KEY,
  invoice      BIGINT  NOT NULL CHECK (invoice >= 0),
  merchant     TEXT COLLATE "C" NOT NULL,
  buyer        BYTEA CHECK (length(buyer) = 32),
  by_seller    BOOLEAN NOT NULL,
  asked        TEXT COLLATE "C" NOT NULL,
  state        TEXT COLLATE "C" NOT NULL CHECK (state IN ('01', '02', '03', '04', '05', '06', '07', '08', '09')),
  fence        BIGINT  NOT NULL CHECK (fence >= 0),
  opened_at_ms BIGINT  NOT NULL,
  until_ms     BIGINT  NOT NULL,
  red_entry    BIGINT,
  CHECK (invoice < entry),
  CHECK (by_seller OR buyer IS NOT NULL),
  CHECK (until_ms > opened_at_ms),
  CHECK (red_entry > entry),
  CHECK (red_entry IS NULL OR state IN ('01', '04'))          -- only what needs no answer, or was agreed to, is used
);
CREATE INDEX confirmations_of_merchant ON confirmations (merchant, entry);

-- Rules bind from a height on. Only the newest of a scope was kept so far: the entries have all of them.
CREATE TABLE rules_by_height (
  scope       TEXT COLLATE "C" NOT NULL,
  from_height BIGINT  NOT NULL CHECK (from_height >= 0),
  body        TEXT COLLATE "C" NOT NULL,
  entry       BIGINT  NOT NULL CHECK (entry >= 0),
  PRIMARY KEY (scope, from_height)
);
DROP TABLE rules;
ALTER TABLE rules_by_height RENAME TO rules;
ALTER INDEX rules_by_height_pkey RENAME TO rules_pkey;

ALTER TABLE merchants ADD COLUMN suspended_entry BIGINT CHECK (suspended_entry >= 0);
ALTER TABLE merchants ADD COLUMN issuer_revoked_entry BIGINT CHECK (issuer_revoked_entry >= 0);

-- Given back though it is still invoiced: a red letter is due.
ALTER TABLE payments ADD COLUMN awaiting_fen BIGINT NOT NULL DEFAULT 0
  CHECK (awaiting_fen >= 0 AND refunded_fen + awaiting_fen <= paid_fen);
CREATE INDEX payments_awaiting ON payments (merchant, entry) WHERE awaiting_fen > 0;

-- The blue invoice that a red one reverses.
ALTER TABLE invoices ADD COLUMN blue_entry BIGINT
  CHECK (blue_entry IS NULL OR (blue_entry >= 0 AND blue_entry < entry AND amount_fen <= 0 AND tax_fen <= 0));
CREATE INDEX invoices_reversing ON invoices (blue_entry) WHERE blue_entry IS NOT NULL;

-- A company that books invoices has keys of its own; `company` is its taxpayer id.
ALTER TABLE api_keys ADD COLUMN company TEXT COLLATE "C";
ALTER TABLE api_keys DROP CONSTRAINT api_keys_role_check;
ALTER TABLE api_keys ADD CONSTRAINT api_keys_role_check CHECK (role IN ('merchant', 'bureau', 'auditor', 'company'));
ALTER TABLE api_keys ADD CONSTRAINT api_keys_company_check CHECK ((role = 'company') = (company IS NOT NULL));
