//! A limit on everything that grows, each with its reason. Above a limit there is an error with a code, never a surprise.

/// Lines of one invoice. 2,000 is what invoicing platforms take (domain.md 1.8, Nuonuo).
pub const LINES_PER_INVOICE_MAX: usize = 2_000;

/// Bytes of a request body. 2,000 lines at about 500 bytes each, twice over for escapes.
pub const BODY_BYTES_MAX: usize = 2 * 1024 * 1024;

/// Bytes of an idempotency key, as Stripe allows; 255 fits every index.
pub const IDEMPOTENCY_KEY_BYTES_MAX: usize = 255;

/// Commands in one block. Above 512 a batch gains no more throughput and only adds latency (performance.md, rule 1).
pub const BATCH_COMMANDS_MAX: usize = 512;

/// Commands waiting for the sequencer; at 5,000 a second this is under a second of waiting. Above: 503 with Retry-After.
pub const QUEUE_COMMANDS_MAX: usize = 4_096;

/// Keys that gather before they are brought into the table of look-ups: at 5 million entries a page of the table then takes a
/// dozen at a time. In memory about 10 MB.
pub const LOOKUP_RUN_KEYS: usize = 262_144;

/// Items on one list page.
pub const PAGE_ITEMS_MAX: usize = 200;

/// Items on one list page when the caller does not say.
pub const PAGE_ITEMS_DEFAULT: usize = 50;

/// Documents of one batch download: at about 70 KB each 70 MB, a minute or less of drawing; an archive never comes near 4 GiB.
pub const BATCH_DOCUMENTS_MAX: usize = 1_000;

/// The largest |n| of an integer in canonical text: above 2^53 - 1 JSON readers disagree (RFC 8785, I-JSON).
pub const CANONICAL_INTEGER_MAX: i64 = 9_007_199_254_740_991;

/// The largest amount of one payment or invoice, in fen (10^13 fen = 100 billion yuan). Sums over 10^5 such stay in i64.
pub const AMOUNT_FEN_MAX: i64 = 10_000_000_000_000;

/// How old a signed partner notice may be, and how far ahead its clock may run: WeChat Pay's own window (domain.md 3.5).
pub const NOTICE_AGE_MS_MAX: i64 = 300_000;

/// How far the clock may be behind the newest block, or ahead of the time that has passed since it was last believed: ten minutes,
/// more than any correction of a clock that is looked after.
pub const CLOCK_JUMP_MS_MAX: i64 = 600_000;

/// Days that a service may find the newest block old when it starts, unless configured otherwise: longer than any holiday, and far
/// shorter than the usual lease of a lock, which a wrong clock must not end.
pub const CLOCK_GAP_DAYS_MAX: u32 = 14;

/// Members of one roster; quorum arithmetic and receipts stay small.
pub const ROSTER_MEMBERS_MAX: usize = 64;

/// Bytes of one receipt that the offline verifier will read: a 2,000-line entry with proof and seals is under 2 MiB.
pub const RECEIPT_BYTES_MAX: u64 = 8 * 1024 * 1024;

/// Bytes of one line of a ledger stream: a 2,000-line entry is under 2 MiB.
pub const STREAM_LINE_BYTES_MAX: u64 = 8 * 1024 * 1024;
