//! The OpenAPI document. Shapes that live in lower rooms, which know no OpenAPI, are described here; a test holds the two together.

#![expect(dead_code, reason = "described, never built: the real types live in invoice and chain")]

use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{ContentBuilder, Ref, RefOr, ResponseBuilder};
use utoipa::{Modify, OpenApi, ToSchema};

use super::routes::{
    batch, chain, confirmations, days, documents, holds, invoices, keys, members, merchants, operations, payments,
    reversals, standing, state, stream, verify, wallet,
};

/// A draft of an invoice.
#[derive(ToSchema)]
#[schema(as = Draft)]
pub struct DraftSchema {
    /// `blockchain-ordinary` (the default) or `fully-digital`.
    document: Option<String>,
    /// The payment it is for; the sum of a payment's invoices never exceeds what was paid and kept.
    payment: Option<PaymentRefSchema>,
    /// Who gets the invoice.
    buyer: BuyerSchema,
    /// `inclusive` or `exclusive`: whether prices, amounts and discounts of the lines contain the tax.
    pricing: String,
    /// 1 to 2,000 lines.
    lines: Vec<LineSchema>,
    /// The tax-inclusive total you expect, fen; refused if it comes out otherwise.
    total: Option<i64>,
    /// 备注.
    remark: Option<String>,
    /// 收款人.
    payee: Option<String>,
    /// 复核.
    reviewer: Option<String>,
    /// 开票人.
    drawer: Option<String>,
}

/// Names a payment.
#[derive(ToSchema)]
#[schema(as = PaymentRef)]
pub struct PaymentRefSchema {
    /// For example `wechat-pay`.
    provider: String,
    /// The provider's id.
    transaction: String,
}

/// A buyer.
#[derive(ToSchema)]
#[schema(as = Buyer)]
pub struct BuyerSchema {
    /// `individual` or `organisation`.
    kind: String,
    /// 名称.
    name: String,
    /// 纳税人识别号; needed for an organisation.
    taxpayer_id: Option<String>,
    /// 地址、电话.
    address_phone: Option<String>,
    /// 开户行及账号.
    bank_account: Option<String>,
}

/// A line.
#[derive(ToSchema)]
#[schema(as = Line)]
pub struct LineSchema {
    /// Short name of the tax category, printed as `*category*name`.
    category: String,
    /// Name of the goods or service.
    name: String,
    /// Tax classification, 19 digits.
    classification: String,
    /// 规格型号.
    specification: Option<String>,
    /// 单位.
    unit: Option<String>,
    /// Decimal, at most 8 fraction digits, shortest form; together with `price`.
    quantity: Option<String>,
    /// Yuan, decimal, at most 8 fraction digits, shortest form; together with `quantity`.
    price: Option<String>,
    /// Fen; may be left out where quantity and price are given, and must agree with them otherwise.
    amount: Option<i64>,
    /// Tax rate x 10^4: 600 is 6 %.
    rate: u16,
    /// `exempt`, `not_taxed`, `zero_rated` or `export_zero_rated`; with rate 0 only.
    mark: Option<String>,
    /// Fen taken off this line.
    discount: Option<i64>,
}

/// An order: what was bought under an order number.
#[derive(ToSchema)]
#[schema(as = Order)]
pub struct OrderSchema {
    /// The order number that the payment will name.
    out_trade_no: String,
    /// Who gets the invoice; 个人 if left out.
    buyer: Option<BuyerSchema>,
    /// `inclusive` or `exclusive`.
    pricing: String,
    /// 1 to 2,000 lines.
    lines: Vec<LineSchema>,
    /// 备注.
    remark: Option<String>,
    /// 收款人.
    payee: Option<String>,
    /// 复核.
    reviewer: Option<String>,
    /// 开票人.
    drawer: Option<String>,
}

/// Issuing rules. What is left out is not limited.
#[derive(ToSchema)]
#[schema(as = Rules)]
pub struct RulesSchema {
    /// Largest total of one invoice, fen.
    per_invoice_cap: Option<i64>,
    /// Largest sum of a legal month, fen.
    monthly_cap: Option<i64>,
    /// Allowed rates x 10^4.
    rates: Option<Vec<u16>>,
    /// Allowed beginnings of classifications.
    classification_prefixes: Option<Vec<String>>,
    /// `refuse` or `warn`: taxpayer ids whose check digit is wrong.
    uscc_check_digit: Option<String>,
    /// Whether every invoice must name a payment.
    payment_required: Option<bool>,
    /// Most invoices of a legal month.
    monthly_count: Option<u64>,
}

/// What is to be taken back of one line: all that is left of it, or a quantity, or a total, never both.
#[derive(ToSchema)]
#[schema(as = AskedLine)]
pub struct AskedLineSchema {
    /// Its place among all lines of the invoice, discounts counted, from 0. A discount goes with the line before it.
    line: u32,
    /// Decimal, above zero.
    quantity: Option<String>,
    /// Fen with tax, above zero.
    total: Option<i64>,
}

/// Sums of one tax rate, fen.
#[derive(ToSchema)]
#[schema(as = RateSum)]
pub struct SumSchema {
    /// Tax rate x 10^4.
    rate: u16,
    /// Without tax.
    amount: i64,
    /// Tax.
    tax: i64,
    /// With tax.
    total: i64,
}

/// A change of the members' roster: one of the three.
#[derive(ToSchema)]
#[schema(as = RosterChange)]
pub struct RosterChangeSchema {
    /// A member seals with another key.
    rotate: Option<RotateSchema>,
    /// A member joins.
    add: Option<AddSchema>,
    /// A member leaves.
    remove: Option<RemoveSchema>,
}

/// A member's new key.
#[derive(ToSchema)]
#[schema(as = RosterRotate)]
pub struct RotateSchema {
    /// Whose.
    member: String,
    /// Compressed secp256k1 point, 66 hex digits.
    key: Option<String>,
}

/// A new member.
#[derive(ToSchema)]
#[schema(as = RosterAdd)]
pub struct AddSchema {
    /// Its name.
    member: String,
    /// Compressed secp256k1 point, 66 hex digits.
    key: Option<String>,
    /// Its voting power, at least 1.
    power: u64,
}

/// A member that leaves.
#[derive(ToSchema)]
#[schema(as = RosterRemove)]
pub struct RemoveSchema {
    /// Who.
    member: String,
}

/// A member's signature on a statement.
#[derive(ToSchema)]
#[schema(as = MemberSignature)]
pub struct MemberSignatureSchema {
    /// The key that signed, 66 hex digits.
    key: String,
    /// r||s, 128 hex digits.
    signature: String,
}

/// A receipt: everything that offline verification needs besides the roster.
#[derive(ToSchema)]
#[schema(as = Receipt)]
pub struct ReceiptSchema {
    /// Format version: 1, or 2 with `state`.
    v: u8,
    /// Chain id.
    chain: String,
    /// Canonical text of the entry.
    entry: String,
    /// Index of the entry.
    index: u64,
    /// Inclusion path, hex.
    proof: Vec<String>,
    /// Canonical text of the header.
    header: String,
    /// Seals on the header.
    seals: Vec<SealSchema>,
    /// Present state of the invoice as of the header's block.
    state: Option<ProvenStateSchema>,
}

/// What a sealed header proves of a number: its present state, or that it was never issued.
#[derive(ToSchema)]
#[schema(as = StateProof)]
pub struct StateProofSchema {
    /// Format version, 1.
    v: u8,
    /// Chain id.
    chain: String,
    /// `<code>-<number>`.
    invoice: String,
    /// Canonical text of the header.
    header: String,
    /// Seals on the header.
    seals: Vec<SealSchema>,
    /// The state, or that there is none.
    state: ProvenStateSchema,
}

/// A present state with its path in the header's map of states.
#[derive(ToSchema)]
#[schema(as = ProvenState)]
pub struct ProvenStateSchema {
    /// Siblings from the bottom up: hex, or empty where nothing stands.
    siblings: Vec<String>,
    /// Canonical text of the state; left out when the number was never issued.
    value: Option<String>,
    /// Where the number was never issued: the leaf at its place, if there is one.
    other: Option<OtherLeafSchema>,
}

/// Another invoice's leaf in the map of states.
#[derive(ToSchema)]
#[schema(as = OtherLeaf)]
pub struct OtherLeafSchema {
    /// Its key, hex.
    key: String,
    /// keccak256 of its state's text, hex.
    value: String,
}

/// A member's seal on a header.
#[derive(ToSchema)]
#[schema(as = Seal)]
pub struct SealSchema {
    /// The member.
    member: String,
    /// Consensus round; 0 under the local engine.
    round: u32,
    /// r||s, 128 hex digits.
    signature: String,
}

struct ApiKeyScheme;

impl Modify for ApiKeyScheme {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some("An API key")).build();
        if let Some(components) = openapi.components.as_mut() {
            components.add_security_scheme("api_key", SecurityScheme::Http(scheme));
        }
    }
}

/// Every command may meet a full disk.
struct FullDisk;

impl Modify for FullDisk {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        for (path, item) in &mut openapi.paths.paths {
            let commands = [&mut item.post, &mut item.put, &mut item.patch, &mut item.delete];
            // A draft is checked and not written.
            for command in commands.into_iter().flatten().filter(|_| path.starts_with("/v1/") && path != "/v1/drafts") {
                let mut described = ResponseBuilder::new()
                    .description("The disk is full; nothing was done; ask again after Retry-After");
                // Partners' notices are answered in the partner's own form.
                if !path.starts_with("/v1/notices/") {
                    let problem = ContentBuilder::new().schema(Some(Ref::from_schema_name("ProblemReply"))).build();
                    described = described.content("application/json", problem);
                }
                command.responses.responses.insert("507".to_owned(), RefOr::T(described.build()));
            }
        }
    }
}

/// The document.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "piaolian",
        description = "Blockchain e-invoice issuance: a payment comes in, a signed, numbered, anchored and verifiable \
                       invoice goes out. Bureau, Tencent and Kingdee are sandboxes here; this is not the tax bureau's system. \
                       Errors are RFC 9457 problem documents with a stable `code`. What is read from the ledger names the newest block \
                       that it can hold: `Piaolian-Checkpoint: height=.., size=.., hash=..`. Behind a read replica that may lie \
                       before what you were just answered: an invoice whose `block` is above that height answers 404 until the \
                       replica has caught up.",
        license(name = "Apache-2.0")
    ),
    modifiers(&ApiKeyScheme, &FullDisk),
    paths(
        merchants::register_merchant, merchants::list_merchants, merchants::get_merchant,
        merchants::set_rules, merchants::list_rules,
        keys::create_api_key, keys::list_api_keys, keys::revoke_api_key,
        payments::take_order, payments::list_payments, payments::get_payment, payments::receive_wechat_notice,
        invoices::check_draft, invoices::issue_invoice, invoices::list_invoices, invoices::get_invoice,
        invoices::get_receipt, batch::get_batch,
        documents::get_face_pdf, documents::get_face_ofd, documents::get_face_xml, documents::get_preview,
        documents::get_qr_svg, documents::get_qr_png,
        reversals::reverse_invoice, reversals::preview_reversal, reversals::list_reversals,
        confirmations::open_confirmation, confirmations::list_confirmations, confirmations::get_confirmation,
        confirmations::answer_confirmation,
        days::list_days, days::close_day,
        standing::suspend_merchant, standing::resume_merchant, standing::rotate_issuer, standing::get_issuer_rotation,
        standing::revoke_issuer,
        members::get_roster, members::list_rosters, members::change_roster, members::preview_roster_change,
        members::record_restored,
        chain::get_checkpoint, chain::list_blocks, chain::get_block, chain::get_entry,
        chain::prove_inclusion, chain::prove_consistency, state::get_state,
        stream::get_stream,
        verify::scan, verify::query_bill_detail, verify::form,
        operations::health, operations::ready, operations::metrics,
        holds::lock_invoices, holds::renew_lock, holds::release_lock, holds::book_lock,
        holds::pledge_invoice, holds::release_pledge, holds::settle_pledge,
        holds::make_commitment, holds::get_life,
        wallet::get_claim_link, wallet::get_payment_claim_link,
        wallet::claim_invoice, wallet::hand_over_invoice, wallet::discard_invoice, wallet::claim_page,
    ),
    components(schemas(super::problem::ProblemReply, OrderSchema)),
    tags(
        (name = "invoices"), (name = "reversals"), (name = "payments"), (name = "days"), (name = "merchants"), (name = "keys"),
        (name = "members", description = "Who seals, from when on"),
        (name = "chain", description = "What anyone may read to check us"),
        (name = "holds", description = "Expense claims and pledges: one holder at a time, known by a commitment"),
        (name = "wallet", description = "Claim links, and what whoever has one can do"),
        (name = "verify", description = "Public verification"),
        (name = "operations")
    )
)]
pub struct ApiDoc;

/// The document as JSON text, the same bytes each time.
pub fn document() -> String {
    ApiDoc::openapi().to_pretty_json().unwrap_or_default()
}
