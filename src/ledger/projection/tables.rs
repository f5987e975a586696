//! The tables, column by column.

use super::ColumnKind::{Bytes, Flag, Int, Text};
use super::LedgerTable;

/// Rosters in order of the height they count from.
pub const ROSTERS: LedgerTable =
    LedgerTable { name: "rosters", key: 1, columns: &[("from_height", Int), ("roster", Text)] };
/// Blocks by height.
pub const BLOCKS: LedgerTable = LedgerTable {
    name: "blocks",
    key: 1,
    columns: &[("height", Int), ("hash", Bytes), ("prev", Bytes), ("size", Int), ("header", Text)],
};
/// Seals by height and member.
pub const SEALS: LedgerTable = LedgerTable {
    name: "seals",
    key: 2,
    columns: &[("height", Int), ("member", Text), ("round", Int), ("signature", Bytes)],
};
/// Entries by index.
pub const ENTRIES: LedgerTable = LedgerTable {
    name: "entries",
    key: 1,
    columns: &[("idx", Int), ("height", Int), ("kind", Text), ("leaf", Bytes), ("entry", Text)],
};
/// Merkle tiles by level and index.
pub const TILES: LedgerTable =
    LedgerTable { name: "tiles", key: 2, columns: &[("level", Int), ("idx", Int), ("hashes", Bytes)] };
/// Merchants.
pub const MERCHANTS: LedgerTable = LedgerTable {
    name: "merchants",
    key: 1,
    columns: &[
        ("id", Text),
        ("taxpayer_id", Text),
        ("name", Text),
        ("address_phone", Text),
        ("bank_account", Text),
        ("mchid", Text),
        ("issuer", Bytes),
        ("issue_on_payment", Flag),
        ("entry", Int),
        ("suspended_entry", Int),
        ("issuer_revoked_entry", Int),
    ],
};
/// Issuer keys, present and past.
pub const ISSUERS: LedgerTable = LedgerTable {
    name: "issuers",
    key: 1,
    columns: &[("address", Bytes), ("merchant", Text), ("since_entry", Int), ("until_entry", Int), ("revoked", Flag)],
};
/// Issuing rules by scope and the height from which they bind.
pub const RULES: LedgerTable = LedgerTable {
    name: "rules",
    key: 2,
    columns: &[("scope", Text), ("from_height", Int), ("body", Text), ("entry", Int)],
};
/// How far each merchant's entries have got.
pub const JOURNALS: LedgerTable =
    LedgerTable { name: "journals", key: 1, columns: &[("merchant", Text), ("seq", Int), ("running", Bytes)] };
/// Merchants' days.
pub const DAYS: LedgerTable = LedgerTable {
    name: "days",
    key: 2,
    columns: &[("merchant", Text), ("date", Text), ("figures", Text), ("closed_entry", Int)],
};
/// Monthly quotas.
pub const QUOTAS: LedgerTable = LedgerTable {
    name: "quotas",
    key: 2,
    columns: &[("merchant", Text), ("month", Text), ("invoices", Int), ("total_fen", Int)],
};
/// Payments and their balances.
pub const PAYMENTS: LedgerTable = LedgerTable {
    name: "payments",
    key: 1,
    columns: &[
        ("entry", Int),
        ("provider", Text),
        ("transaction_id", Text),
        ("merchant", Text),
        ("order_id", Text),
        ("paid_at_ms", Int),
        ("paid_fen", Int),
        ("refunded_fen", Int),
        ("invoiced_fen", Int),
        ("awaiting_fen", Int),
    ],
};
/// Refunds.
pub const REFUNDS: LedgerTable = LedgerTable {
    name: "refunds",
    key: 1,
    columns: &[("entry", Int), ("provider", Text), ("refund_id", Text), ("transaction_id", Text), ("amount_fen", Int)],
};
/// Number series.
pub const SEQUENCES: LedgerTable =
    LedgerTable { name: "sequences", key: 1, columns: &[("name", Text), ("issued", Int)] };
/// From fingerprints of keys to entries.
pub const LOOKUPS: LedgerTable =
    LedgerTable { name: "lookups", key: 2, columns: &[("fingerprint", Int), ("entry", Int)] };
/// Keys of blocks above the watermark.
pub const YOUNG_KEYS: LedgerTable =
    LedgerTable { name: "young_keys", key: 1, columns: &[("height", Int), ("keys", Bytes)] };
/// Up to which block the table of look-ups is complete.
pub const WATERMARKS: LedgerTable =
    LedgerTable { name: "watermarks", key: 1, columns: &[("name", Text), ("height", Int)] };
/// Invoices, for lists and look-ups.
pub const INVOICES: LedgerTable = LedgerTable {
    name: "invoices",
    key: 1,
    columns: &[
        ("entry", Int),
        ("code", Text),
        ("number", Text),
        ("merchant", Text),
        ("date", Text),
        ("buyer", Text),
        ("amount_fen", Int),
        ("tax_fen", Int),
        ("total_fen", Int),
        ("provider", Text),
        ("transaction_id", Text),
        ("blue_entry", Int),
    ],
};

/// What was taken back of blue invoices.
pub const REVERSALS: LedgerTable = LedgerTable {
    name: "reversals",
    key: 1,
    columns: &[
        ("entry", Int),
        ("letters", Int),
        ("amount_fen", Int),
        ("tax_fen", Int),
        ("red_amount_fen", Int),
        ("red_tax_fen", Int),
    ],
};
/// The same per line; quantities x10^8.
pub const REVERSED_LINES: LedgerTable = LedgerTable {
    name: "reversed_lines",
    key: 2,
    columns: &[
        ("entry", Int),
        ("line", Int),
        ("rate", Int),
        ("quantity", Int),
        ("red_quantity", Int),
        ("amount_fen", Int),
        ("tax_fen", Int),
        ("red_amount_fen", Int),
        ("red_tax_fen", Int),
    ],
};
/// The same per tax rate.
pub const REVERSED_RATES: LedgerTable = LedgerTable {
    name: "reversed_rates",
    key: 2,
    columns: &[
        ("entry", Int),
        ("rate", Int),
        ("amount_fen", Int),
        ("tax_fen", Int),
        ("red_amount_fen", Int),
        ("red_tax_fen", Int),
    ],
};
/// Lives of invoices to which something has happened.
pub const LIVES: LedgerTable = LedgerTable {
    name: "lives",
    key: 1,
    columns: &[
        ("entry", Int),
        ("state", Text),
        ("fence", Int),
        ("holder", Bytes),
        ("lease_until_ms", Int),
        ("wallet", Text),
        ("wallet_holder", Bytes),
        ("confirmation", Int),
    ],
};
/// Pages of the map of present states, by the nibbles that lead to them.
pub const STATE_PAGES: LedgerTable =
    LedgerTable { name: "state_pages", key: 1, columns: &[("path", Text), ("nodes", Bytes)] };
/// Confirmation sheets.
pub const CONFIRMATIONS: LedgerTable = LedgerTable {
    name: "confirmations",
    key: 1,
    columns: &[
        ("entry", Int),
        ("invoice", Int),
        ("merchant", Text),
        ("buyer", Bytes),
        ("by_seller", Flag),
        ("asked", Text),
        ("state", Text),
        ("fence", Int),
        ("opened_at_ms", Int),
        ("until_ms", Int),
        ("red_entry", Int),
    ],
};
