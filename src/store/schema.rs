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
    }
}
diesel::table! { rules (scope) { scope -> Text, body -> Text, entry -> BigInt, } }
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
    }
}
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
    }
}
diesel::table! { custody_keys (issuer) { issuer -> Binary, sealed -> Binary, created_at_ms -> BigInt, } }
diesel::table! {
    leases (name) { name -> Text, holder -> Text, address -> Text, token -> BigInt, beat -> BigInt, }
}
