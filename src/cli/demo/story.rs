//! The demonstration itself, one event after the other, all over HTTP.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use super::scene::make_folder;
use crate::app::Service;
use crate::base::{Clock as _, Code, Fault, Faults, SystemClock, random};
use crate::chain::receipt::Receipt;
use crate::chain::verify::verify_receipt;
use crate::cli::client::{self, Call, Target};
use crate::parties::kingdee::billing::{Order, bill};
use crate::parties::sandbox_fixtures::{
    DemoEvent, DemoMerchant, DemoPayment, DemoRefund, MERCHANTS_JSON, ORDERS_JSON, RULES_JSON, events, merchants,
};
use crate::parties::tax_bureau::sandbox::SandboxBureau;
use crate::parties::tencent::sandbox::{Platform, SignedNotice, Stamp};

/// How long an invoice that comes by itself may take before the demonstration gives up.
const PATIENCE: Duration = Duration::from_secs(30);

struct Merchant {
    id: String,
    key: String,
    known: DemoMerchant,
}

struct Story<'a> {
    service: &'a Service,
    platform: &'a Platform,
    folder: &'a Path,
    target: Target,
    address: &'a str,
    merchants: BTreeMap<String, Merchant>,
    client: reqwest::Client,
    invoices: Vec<Value>,
    /// Payments whose buyers will ask for an invoice later.
    at_the_counter: Vec<DemoPayment>,
}

/// Tells the whole story; gives a verify link to open.
pub async fn tell(
    service: &Service,
    platform: &Platform,
    folder: &Path,
    address: &str,
    bureau_key: &str,
) -> Result<String, Faults> {
    for part in ["pdf", "receipts"] {
        make_folder(&folder.join(part))?;
    }
    let mut story = Story {
        service,
        platform,
        folder,
        target: Target::parse(&format!("http://{address}"))?,
        address,
        merchants: BTreeMap::new(),
        client: reqwest::Client::builder()
            .no_proxy()
            .build()
            .map_err(|e| Fault::new(Code::Internal, "", format!("no HTTP client: {e}")))?,
        invoices: Vec::new(),
        at_the_counter: Vec::new(),
    };
    let known = merchants(MERCHANTS_JSON)?;
    story.register(&known, bureau_key).await?;
    println!("\n== Payments: signed and encrypted notices (WeChat Pay APIv3, sandbox)");
    for (number, event) in events(ORDERS_JSON, &known)?.into_iter().enumerate() {
        let number = number.saturating_add(1);
        match event {
            DemoEvent::Payment(payment) => story.payment(number, &payment).await?,
            DemoEvent::Repeat { story: words, payment, .. } => story.repeat(number, &words, &payment).await?,
            DemoEvent::Refund(refund) => story.refund(number, &refund).await?,
        }
    }
    story.counter().await?;
    story.documents().await?;
    story.one_in_full()
}

impl Story<'_> {
    async fn register(&mut self, known: &[DemoMerchant], bureau_key: &str) -> Result<(), Faults> {
        println!("== Tax bureau (sandbox): rules and merchants");
        let bureau = SandboxBureau::from_json(RULES_JSON)?;
        self.set_rules("*", bureau.rules_for(""), bureau_key).await?;
        for merchant in known {
            let seller = &merchant.seller;
            let idempotency_key = format!("demo-register-{}", seller.taxpayer_id);
            let call = Call {
                path: "/v1/merchants",
                key: Some(bureau_key),
                idempotency_key: Some(&idempotency_key),
                ..Call::default()
            };
            let mut body = json!({
                "name": seller.name, "taxpayer_id": seller.taxpayer_id, "mchid": merchant.mchid,
                "issue_on_payment": merchant.issue_on_payment,
            });
            for (name, value) in [("address_phone", &seller.address_phone), ("bank_account", &seller.bank_account)] {
                if let (Some(value), Some(fields)) = (value, body.as_object_mut()) {
                    fields.insert(name.to_owned(), Value::from(value.as_str()));
                }
            }
            let answer = client::post(&self.target, call, &body).await?;
            let id = text(&answer, "/merchant/id");
            println!("  {id}  {}  issuer {}", seller.name, text(&answer, "/merchant/issuer"));
            if bureau.rules_for(&seller.taxpayer_id) != bureau.rules_for("") {
                self.set_rules(&id, bureau.rules_for(&seller.taxpayer_id), bureau_key).await?;
            }
            let call = Call { path: "/v1/api-keys", key: Some(bureau_key), ..Call::default() };
            let body = json!({"role": "merchant", "merchant": id, "label": "demo"});
            let key = text(&client::post(&self.target, call, &body).await?, "/secret");
            self.merchants.insert(merchant.mchid.clone(), Merchant { id, key, known: merchant.clone() });
        }
        Ok(())
    }

    async fn set_rules(
        &self,
        scope: &str,
        rules: &crate::invoice::IssuingRules,
        bureau_key: &str,
    ) -> Result<(), Faults> {
        let (path, idempotency_key) = (format!("/v1/rules/{scope}"), format!("demo-rules-{scope}"));
        let call = Call { method: "PUT", path: &path, key: Some(bureau_key), idempotency_key: Some(&idempotency_key) };
        let answer = client::post(&self.target, call, &json!({"rules": rules})).await?;
        let who = if scope == "*" { "everybody" } else { scope };
        println!("  rules for {who} in block {}", text(&answer, "/block"));
        Ok(())
    }

    fn merchant(&self, mchid: &str) -> Result<&Merchant, Fault> {
        self.merchants.get(mchid).ok_or_else(|| Fault::new(Code::Internal, "", "a merchant of the fixtures is missing"))
    }

    fn stamp() -> Result<Stamp, Fault> {
        Ok(Stamp { at: SystemClock.now(), entropy: random::bytes()? })
    }

    async fn deliver(&self, notice: &SignedNotice) -> Result<(), Fault> {
        let url = format!("http://{}/v1/notices/wechat-pay", self.address);
        let gaps = [Duration::from_millis(200), Duration::from_secs(1)];
        self.platform.deliver(&self.client, &url, &notice.body, &gaps, Self::stamp).await.map(|_tries| ())
    }

    async fn payment(&mut self, number: usize, payment: &DemoPayment) -> Result<(), Faults> {
        let merchant = self.merchant(&payment.mchid)?;
        let order = payment.order.clone().map(|order| with_people(order, &merchant.known));
        if let Some(order) = order.as_ref().filter(|_| merchant.known.issue_on_payment) {
            let call = Call { path: "/v1/orders", key: Some(&merchant.key), ..Call::default() };
            client::post(&self.target, call, order).await?;
        }
        self.deliver(&self.platform.payment(&payment.notice(), &Self::stamp()?)?).await?;
        println!("\n{number:>2}. {}", payment.story);
        let what = format!("    paid {} yuan to {}", payment.paid.to_yuan(), merchant.known.seller.name);
        let invoice = match order {
            Some(_) if merchant.known.issue_on_payment => {
                println!("{what}; the order is known, the invoice comes by itself");
                self.await_invoice(merchant, payment).await?
            }
            Some(order) => {
                println!("{what}; the merchant asks for the invoice");
                self.issue(merchant, payment, &bill(order, payment.paid()?)?).await?
            }
            None => {
                println!("{what}; no order is known, the buyer will ask for an invoice later");
                self.at_the_counter.push(payment.clone());
                return Ok(());
            }
        };
        self.keep(invoice);
        Ok(())
    }

    fn keep(&mut self, invoice: Value) {
        println!("    {}  hash {}", text(&invoice, "/id"), text(&invoice, "/hash"));
        println!(
            "    block {}, entry {}, {}",
            text(&invoice, "/block"),
            text(&invoice, "/entry"),
            text(&invoice, "/capital")
        );
        self.invoices.push(invoice);
    }

    /// Invoices that somebody asks for at the counter, over what is left of the payment.
    async fn counter(&mut self) -> Result<(), Faults> {
        for payment in std::mem::take(&mut self.at_the_counter) {
            let merchant = self.merchant(&payment.mchid)?;
            let path = format!("/v1/payments/wechat-pay/{}", payment.transaction);
            let state = client::get(&self.target, &path, Some(&merchant.key)).await?;
            // A second run of the demonstration finds the invoice there: ask for the same again.
            let number = |name: &str| state.get(name).and_then(Value::as_i64).unwrap_or_default();
            let fen = number("remaining").saturating_add(number("invoiced"));
            println!(
                "\nAt the counter: the buyer of payment {} asks for an invoice over {fen} fen",
                payment.transaction
            );
            let draft = draft_by_hand(merchant, &payment, fen);
            let invoice = self.issue(merchant, &payment, &draft).await?;
            self.keep(invoice);
        }
        Ok(())
    }

    async fn await_invoice(&self, merchant: &Merchant, payment: &DemoPayment) -> Result<Value, Faults> {
        let path = format!("/v1/invoices?payment=wechat-pay/{}", payment.transaction);
        let found = async {
            loop {
                let page = client::get(&self.target, &path, Some(&merchant.key)).await?;
                if let Some(id) = page.pointer("/invoices/0/id").and_then(Value::as_str) {
                    return client::get(&self.target, &format!("/v1/invoices/{id}"), Some(&merchant.key)).await;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        match tokio::time::timeout(PATIENCE, found).await {
            Ok(invoice) => Ok(invoice?),
            Err(_elapsed) => {
                let message = format!("no invoice came for payment {}", payment.transaction);
                Err(Fault::new(Code::Internal, "", message).into())
            }
        }
    }

    async fn issue(
        &self,
        merchant: &Merchant,
        payment: &DemoPayment,
        draft: &impl serde::Serialize,
    ) -> Result<Value, Faults> {
        let idempotency_key = format!("demo-{}", payment.transaction);
        let call = Call {
            path: "/v1/invoices",
            key: Some(&merchant.key),
            idempotency_key: Some(&idempotency_key),
            ..Call::default()
        };
        let answer = client::post(&self.target, call, &json!({ "draft": draft })).await?;
        Ok(answer.get("invoice").cloned().unwrap_or_default())
    }

    async fn repeat(&self, number: usize, words: &str, payment: &DemoPayment) -> Result<(), Faults> {
        let before = text(&client::get(&self.target, "/v1/checkpoint", None).await?, "/size");
        self.deliver(&self.platform.payment(&payment.notice(), &Self::stamp()?)?).await?;
        let after = text(&client::get(&self.target, "/v1/checkpoint", None).await?, "/size");
        println!("\n{number:>2}. {words}\n    the notice came again: {before} entries before, {after} after");
        Ok(())
    }

    async fn refund(&self, number: usize, refund: &DemoRefund) -> Result<(), Faults> {
        println!("\n{number:>2}. {}", refund.story);
        let notice = self.platform.refund(&refund.notice, &Self::stamp()?)?;
        let merchant = self.merchant(&refund.notice.mchid)?;
        let path = format!("/v1/payments/wechat-pay/{}", refund.notice.transaction);
        let url = format!("http://{}/v1/notices/wechat-pay", self.address);
        // One try only: a refusal is part of the story.
        let delivered = self.platform.deliver(&self.client, &url, &notice.body, &[], Self::stamp).await;
        if let Err(refused) = delivered {
            println!(
                "    refused: the money is invoiced, so that invoice must be reversed first ({})",
                refused.message
            );
        }
        let payment = client::get(&self.target, &path, Some(&merchant.key)).await?;
        let (refunded, left) = (text(&payment, "/refunded"), text(&payment, "/remaining"));
        println!("    refunded so far {refunded} fen, {left} fen left to invoice");
        Ok(())
    }

    /// PDFs and receipts of everything, and what the offline verifier says of each receipt.
    async fn documents(&self) -> Result<(), Faults> {
        println!("\n== Documents: a PDF and a receipt of each invoice");
        let bar = crate::cli::progress::bar(u64::try_from(self.invoices.len()).unwrap_or(0), "invoices");
        let mut valid = 0usize;
        for invoice in &self.invoices {
            let id = text(invoice, "/id");
            let owner = text(invoice, "/draft/merchant");
            let merchant = self.merchants.values().find(|merchant| merchant.id == owner);
            let key = merchant.map(|merchant| merchant.key.as_str());
            let pdf = client::get_bytes(&self.target, &format!("/v1/invoices/{id}/face.pdf"), key).await?;
            let receipt = client::get_bytes(&self.target, &format!("/v1/invoices/{id}/receipt"), key).await?;
            if !pdf.status.is_success() || !receipt.status.is_success() {
                let message = format!("{id}: PDF {}, receipt {}", pdf.status, receipt.status);
                return Err(Fault::new(Code::CliRefused, "", message).into());
            }
            write(&self.folder.join("pdf").join(format!("{id}.pdf")), &pdf.body)?;
            write(&self.folder.join("receipts").join(format!("{id}.json")), &receipt.body)?;
            let verdict =
                verify_receipt(&Receipt::from_json(&receipt.body)?, std::slice::from_ref(&self.service.roster), None);
            if !verdict.is_valid() {
                println!("  {id}: {} {}", verdict.code.as_str(), verdict.message);
            }
            valid = valid.saturating_add(usize::from(verdict.is_valid()));
            bar.inc(1);
        }
        bar.finish_and_clear();
        println!(
            "  {} PDFs, {valid} of {} receipts verified offline against the roster",
            self.invoices.len(),
            self.invoices.len()
        );
        Ok(())
    }

    /// One invoice with its block and seals; gives its verify link.
    fn one_in_full(&self) -> Result<String, Faults> {
        let Some(invoice) = self.invoices.first() else {
            return Err(Fault::new(Code::Internal, "", "the fixtures have no payment").into());
        };
        let id = text(invoice, "/id");
        let file = self.folder.join("receipts").join(format!("{id}.json"));
        let receipt = Receipt::from_json(crate::config::read_text(&file)?.as_bytes())?;
        println!("\n== One invoice in full: {id}");
        println!("  hash    {}", text(invoice, "/hash"));
        println!("  issuer  {}", text(invoice, "/issuer"));
        println!("  entry   {} of the chain, proof of {} hashes", receipt.index, receipt.proof.len());
        println!("  header  {}", receipt.header);
        for seal in &receipt.seals {
            println!("  seal    {:<11} {}", seal.member.to_string(), hex::encode(seal.signature.0));
        }
        let link = text(invoice, "/verify_url");
        println!("  verify  {link}");
        Ok(link)
    }
}

/// What the merchant types in at the counter: one line.
fn draft_by_hand(merchant: &Merchant, payment: &DemoPayment, fen: i64) -> Value {
    json!({
        "payment": {"provider": "wechat-pay", "transaction": payment.transaction},
        "buyer": {"kind": "individual", "name": "个人"},
        "pricing": "inclusive",
        "lines": [{
            "category": "餐饮服务", "name": "餐费", "classification": "3070401000000000000",
            "amount": fen, "rate": 600,
        }],
        "total": fen,
        "drawer": merchant.known.drawer.as_deref().unwrap_or("管理员"),
    })
}

/// The people that a merchant names on its invoices, where the order names none.
fn with_people(mut order: Order, merchant: &DemoMerchant) -> Order {
    order.payee = order.payee.or_else(|| merchant.payee.clone());
    order.reviewer = order.reviewer.or_else(|| merchant.reviewer.clone());
    order.drawer = order.drawer.or_else(|| merchant.drawer.clone());
    order
}

fn write(file: &Path, bytes: &[u8]) -> Result<(), Fault> {
    std::fs::write(file, bytes).map_err(|e| Fault::new(Code::CliFile, file.display().to_string(), e.to_string()))
}

/// A field as text: a string as it is, anything else as JSON.
fn text(value: &Value, pointer: &str) -> String {
    match value.pointer(pointer) {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => String::new(),
    }
}
