//! Property tests of the invoice room against independent oracles in Python, written from the rules with their own arithmetic: drafts
//! against `tests/oracle/amounts.py`, red letters against `tests/oracle/reversals.py`.
//!
//! `ORACLE_CASES` sets how many drafts, and how many sequences of red letters (2,000), `ORACLE_SEED` which; the seed is printed.
//! Without python3 the tests fail.

#[cfg(test)]
#[path = "invoice/drafts.rs"]
mod drafts;
#[cfg(test)]
#[path = "invoice/oracle.rs"]
mod oracle;
#[cfg(test)]
#[path = "invoice/reversals.rs"]
mod reversals;
