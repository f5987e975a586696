//! The payment desk: partners' notices become payments and refunds; orders wait for their payment or find it there.

use super::{Desk, POLICY, Recorded, rules_in_force};
use crate::base::ids::{MerchantId, Provider, TransactionId};
use crate::base::{Code, Fault, Faults, LegalDate};
use crate::chain::canonical;
use crate::invoice::IssuingRules;
use crate::invoice::money::Fen;
use crate::ledger::command::{Command, PaymentBody, RefundBody};
use crate::ledger::state::Reader as _;
use crate::parties::kingdee::billing::Order;
use crate::parties::tencent::PROVIDER;
use crate::parties::tencent::notice::{Notice, NoticeHeaders, PaymentNotice, RefundNotice};
use crate::sequencer::candidate::TOPIC_BILL_ORDER;

/// What came of a notice.
#[derive(Debug)]
pub enum NoticeOutcome {
    /// Recorded now or before.
    Recorded(Box<Recorded>),
    /// Genuine, but of no concern here.
    Ignored,
}

impl Desk {
    /// Takes a WeChat Pay notice: verifies, decrypts, records. The same notice ten times is one payment.
    ///
    /// # Errors
    /// What [`crate::parties::tencent::notice::NoticeVerifier::open`] refuses; [`Code::WechatMerchantUnknown`]; what execution refuses.
    pub async fn take_notice(&self, headers: &NoticeHeaders, body: &[u8]) -> Result<NoticeOutcome, Faults> {
        let Some(verifier) = &self.parties.notices else {
            return Err(Fault::new(Code::HttpNoticeDisabled, "", "no payment partner is configured").into());
        };
        match verifier.open(headers, body, self.clock.now())? {
            Notice::Payment(payment) => self.record_payment(payment).await,
            Notice::Refund(refund) => self.record_refund(refund).await,
            Notice::Ignored { event_type } => {
                tracing::info!(event_type, "a genuine notice of no concern here");
                Ok(NoticeOutcome::Ignored)
            }
        }
    }

    async fn merchant_of(&self, mchid: String) -> Result<MerchantId, Faults> {
        let found = self.store.read(move |reader| Ok::<_, Faults>(reader.merchant_by_mchid(&mchid)?)).await?;
        found.ok_or_else(|| {
            Fault::new(Code::WechatMerchantUnknown, "mchid", "no merchant is registered under this number").into()
        })
    }

    async fn record_payment(&self, notice: PaymentNotice) -> Result<NoticeOutcome, Faults> {
        let merchant = self.merchant_of(notice.mchid).await?;
        let provider = Provider::try_from(PROVIDER)?;
        let body = PaymentBody {
            provider,
            transaction: notice.transaction,
            merchant,
            order: TransactionId::try_from(notice.out_trade_no)?,
            paid: Fen::new(notice.paid_fen)?,
            paid_at: notice.success_time,
        };
        // Who paid is personal and stays off the ledger, in the same transaction; the wallet will ask for it.
        let payer = Some(notice.payer_openid);
        let sealed = self.sequencer.submit_with(Command::RecordPayment(body), payer).await?;
        Ok(NoticeOutcome::Recorded(Box::new(self.recorded(sealed).await?)))
    }

    async fn record_refund(&self, notice: RefundNotice) -> Result<NoticeOutcome, Faults> {
        let merchant = self.merchant_of(notice.mchid).await?;
        let provider = Provider::try_from(PROVIDER)?;
        let wanted = (provider.clone(), notice.transaction.clone());
        let payment = self.store.read(move |reader| Ok::<_, Faults>(reader.payment(&wanted.0, &wanted.1)?)).await?;
        if payment.is_none_or(|payment| payment.merchant != merchant) {
            let message = "the refunded payment is not recorded for this merchant";
            return Err(Fault::new(Code::LedgerPaymentUnknown, "transaction_id", message).into());
        }
        let body = RefundBody {
            provider,
            refund: notice.refund,
            transaction: notice.transaction,
            amount: Fen::new(notice.refund_fen)?,
            refunded_at: notice.success_time,
        };
        let sealed = self.sequencer.submit(Command::RecordRefund(body)).await?;
        Ok(NoticeOutcome::Recorded(Box::new(self.recorded(sealed).await?)))
    }

    /// Takes an order of a merchant: what was bought under an order number. If its payment is there already, the invoice is
    /// put on its way. The same order again changes nothing; says whether it was new.
    ///
    /// # Errors
    /// Every fault that its draft would have today, at once; [`Code::LedgerOrderDiffers`] for another order under the same number.
    pub async fn take_order(&self, merchant: &MerchantId, order: &Order) -> Result<bool, Faults> {
        let profile = self.profile(merchant).await?;
        let number = TransactionId::try_from(order.out_trade_no.as_str()).map_err(|f| f.under("out_trade_no"))?;
        let draft = order.clone().into_draft();
        let date = LegalDate::of(self.clock.now())?;
        let checked = draft.check(&profile.merchant.seller, &self.chain, merchant, date, &POLICY);
        let text = match canonical::to_canonical(order) {
            Ok(text) => text,
            // A text that is not canonical is refused by the check in better words.
            Err(fault) => return Err(checked.err().unwrap_or_else(|| fault.into())),
        };
        let (id, key) = (merchant.clone(), number.clone());
        let (known, rules) = self
            .store
            .read(move |reader| {
                let known = reader.order(&id, &key)?;
                Ok::<_, Faults>((known, rules_in_force(reader, &id)?))
            })
            .await?;
        if known.is_some_and(|known| known == text) {
            return Ok(false);
        }
        // Whatever would keep the invoice from coming later is said now, to whoever can mend it. That there is no payment yet is
        // no fault of an order.
        let (checked, _warnings) = checked?;
        if let Some(rules) = rules {
            let rules = IssuingRules { payment_required: None, ..rules.rules.clone() };
            rules.check(&checked)?;
        }
        let (id, now, on_payment) = (merchant.clone(), self.clock.now(), profile.merchant.issue_on_payment);
        self.store
            .write(move |tx| {
                if !tx.insert_order(&id, &number, &text, now)? {
                    let known = tx.order(&id, &number)?;
                    return match known.is_some_and(|known| known == text) {
                        true => Ok(false),
                        false => Err(Faults::from(Fault::new(
                            Code::LedgerOrderDiffers,
                            "out_trade_no",
                            "another order is there under this number",
                        ))),
                    };
                }
                if on_payment {
                    for payment in tx.payments_of_order(&id, &number)? {
                        tx.insert_outbox(payment.entry, TOPIC_BILL_ORDER, now)?;
                    }
                }
                Ok(true)
            })
            .await
    }
}
