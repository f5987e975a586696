//! One schema for all databases: only BigInt, Bool, Text and Binary (style.md 3a).

diesel::table! { rosters (from_height) { from_height -> BigInt, roster -> Text, } }
diesel::table! { blocks (height) { height -> BigInt, hash -> Binary, prev -> Binary, size -> BigInt, header -> Text, } }
diesel::table! {
    seals (height, member) { height -> BigInt, member -> Text, round -> BigInt, signature -> Binary, }
}
diesel::table! {
    entries (idx) { idx -> BigInt, height -> BigInt, kind -> Text, leaf -> Binary, entry -> Text, }
}
diesel::table! { tiles (level, idx) { level -> BigInt, idx -> BigInt, hashes -> Binary, } }
diesel::table! {
    merchants (id) {
        id -> Text,
        taxpayer_id -> Text,
        name -> Text,
        address_phone -> Nullable<Text>,
        bank_account -> Nullable<Text>,
        mchid -> Nullable<Text>,
        issuer -> Binary,
        issue_on_payment -> Bool,
        entry -> BigInt,
        suspended_entry -> Nullable<BigInt>,
        issuer_revoked_entry -> Nullable<BigInt>,
    }
}
diesel::table! {
    issuers (address) {
        address -> Binary,
        merchant -> Text,
        since_entry -> BigInt,
        until_entry -> Nullable<BigInt>,
        revoked -> Bool,
    }
}
diesel::table! {
    rules (scope, from_height) { scope -> Text, from_height -> BigInt, body -> Text, entry -> BigInt, }
}
diesel::table! { journals (merchant) { merchant -> Text, seq -> BigInt, running -> Binary, } }
diesel::table! {
    days (merchant, date) { merchant -> Text, date -> Text, figures -> Text, closed_entry -> Nullable<BigInt>, }
}
diesel::table! {
    quotas (merchant, month) { merchant -> Text, month -> Text, invoices -> BigInt, total_fen -> BigInt, }
}
diesel::table! {
    payments (entry) {
        entry -> BigInt,
        provider -> Text,
        transaction_id -> Text,
        merchant -> Text,
        order_id -> Text,
        paid_at_ms -> BigInt,
        paid_fen -> BigInt,
        refunded_fen -> BigInt,
        invoiced_fen -> BigInt,
        awaiting_fen -> BigInt,
    }
}
diesel::table! {
    refunds (entry) {
        entry -> BigInt,
        provider -> Text,
        refund_id -> Text,
        transaction_id -> Text,
        amount_fen -> BigInt,
    }
}
diesel::table! { sequences (name) { name -> Text, issued -> BigInt, } }
diesel::table! { lookups (fingerprint, entry) { fingerprint -> BigInt, entry -> BigInt, } }
diesel::table! { young_keys (height) { height -> BigInt, keys -> Binary, } }
diesel::table! { watermarks (name) { name -> Text, height -> BigInt, } }
diesel::table! {
    invoices (entry) {
        entry -> BigInt,
        code -> Text,
        number -> Text,
        merchant -> Text,
        date -> Text,
        buyer -> Text,
        amount_fen -> BigInt,
        tax_fen -> BigInt,
        total_fen -> BigInt,
        provider -> Nullable<Text>,
        transaction_id -> Nullable<Text>,
        blue_entry -> Nullable<BigInt>,
    }
}
diesel::table! {
    reversals (entry) {
        entry -> BigInt,
        letters -> BigInt,
        amount_fen -> BigInt,
        tax_fen -> BigInt,
        red_amount_fen -> BigInt,
        red_tax_fen -> BigInt,
    }
}
diesel::table! {
    reversed_lines (entry, line) {
        entry -> BigInt,
        line -> BigInt,
        rate -> BigInt,
        quantity -> Nullable<BigInt>,
        red_quantity -> Nullable<BigInt>,
        amount_fen -> BigInt,
        tax_fen -> BigInt,
        red_amount_fen -> BigInt,
        red_tax_fen -> BigInt,
    }
}
diesel::table! {
    reversed_rates (entry, rate) {
        entry -> BigInt,
        rate -> BigInt,
        amount_fen -> BigInt,
        tax_fen -> BigInt,
        red_amount_fen -> BigInt,
        red_tax_fen -> BigInt,
    }
}
diesel::table! {
    lives (entry) {
        entry -> BigInt,
        state -> Text,
        fence -> BigInt,
        holder -> Nullable<Binary>,
        lease_until_ms -> Nullable<BigInt>,
        wallet -> Text,
        wallet_holder -> Nullable<Binary>,
        confirmation -> Nullable<BigInt>,
    }
}
diesel::table! {
    confirmations (entry) {
        entry -> BigInt,
        invoice -> BigInt,
        merchant -> Text,
        buyer -> Nullable<Binary>,
        by_seller -> Bool,
        asked -> Text,
        state -> Text,
        fence -> BigInt,
        opened_at_ms -> BigInt,
        until_ms -> BigInt,
        red_entry -> Nullable<BigInt>,
    }
}
diesel::table! { state_pages (path) { path -> Text, nodes -> Binary, } }
diesel::table! {
    outbox (entry, topic) {
        entry -> BigInt,
        topic -> Text,
        state -> Text,
        attempts -> BigInt,
        next_at_ms -> BigInt,
        last_error -> Nullable<Text>,
    }
}
diesel::table! {
    orders (merchant, order_id) { merchant -> Text, order_id -> Text, body -> Text, received_at_ms -> BigInt, }
}
diesel::table! { payers (entry) { entry -> BigInt, openid -> Text, } }
diesel::table! {
    api_keys (id) {
        id -> Text,
        key_hash -> Binary,
        role -> Text,
        merchant -> Nullable<Text>,
        label -> Text,
        created_at_ms -> BigInt,
        revoked_at_ms -> Nullable<BigInt>,
        company -> Nullable<Text>,
    }
}
diesel::table! { custody_keys (issuer) { issuer -> Binary, sealed -> Binary, created_at_ms -> BigInt, } }
diesel::table! {
    leaderships (name) { name -> Text, holder -> Text, address -> Text, token -> BigInt, beat -> BigInt, }
}
